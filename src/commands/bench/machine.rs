//! What this machine is, and what this process has used of it, where the system tells.

use std::fs;

use crate::bench::record::Machine;

/// What is measured on.
pub(super) fn machine() -> Machine {
    Machine {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        kernel: text("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u64),
        memory_bytes: text("/proc/meminfo").and_then(|text| kilobytes(&text, "MemTotal:")),
    }
}

/// Begins anew to watch the largest resident memory; where the system cannot do that, it is that of the whole process.
pub fn forget_memory_peak() {
    // Without the right to it nothing is lost but precision.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The largest resident memory since then.
pub fn memory_peak_bytes() -> Option<u64> {
    kilobytes(&text("/proc/self/status")?, "VmHWM:")
}

/// Time of all threads on processors since the process began, to a hundredth of a second.
pub(super) fn cpu_us() -> Option<u64> {
    ticks(&text("/proc/self/stat")?).map(|ticks| ticks * TICK_US)
}

/// Linux counts in hundredths on every architecture that we build for.
const TICK_US: u64 = 10_000;

fn text(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// `MemTotal:   123 kB`.
fn kilobytes(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1_024)
}

/// User and system time: the 14th and 15th field. The second one is a name in brackets that may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_the_system_are_read() {
        assert_eq!(kilobytes("VmPeak:\t 9 kB\nVmHWM:\t   1234 kB\n", "VmHWM:"), Some(1_263_616));
        assert_eq!(kilobytes("VmHWM: 12\n", "VmHWM:"), None);
        let stat = "12 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 70 30 0 0 20 0";
        assert_eq!(ticks(stat), Some(100));
        assert_eq!(ticks("12 (a) S 1"), None);
    }
}
