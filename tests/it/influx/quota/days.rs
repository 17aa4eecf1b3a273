//! Days of quota windows: what is used of them, what is refused, and that no window ever sees too much.

use super::cloud::{Other, QUOTA, Says, Settings};
use super::day::{CLOUD, DAY, DAY_S, Day, HOUR_S, Killed, Life, Proper, spend, spend_all};

#[test]
fn a_run_alone_uses_its_share_of_the_day() {
    let seeded = |seed| Settings { seed, ..CLOUD };
    spend_all(&[
        Day { name: "(a) one run", ..DAY },
        Day { name: "(a) four readers", cloud: seeded(2), readers: 4, ..DAY },
        Day {
            name: "(a) sixteen readers",
            cloud: seeded(3),
            readers: 16,
            lives: &[(0, DAY_S / 4, Proper)],
            ..DAY
        },
        Day {
            name: "(a) 3 GB",
            cloud: Settings { seed: 4, quota: 10 * QUOTA, ..CLOUD },
            readers: 8,
            lives: &[(0, DAY_S / 4, Proper)],
            ..DAY
        },
        Day {
            name: "(a) 98 %",
            cloud: seeded(5),
            share: "98%",
            readers: 16,
            answer_ms: (10, 300),
            lives: &[(0, DAY_S / 4, Proper)],
            ..DAY
        },
        Day {
            name: "(a) 50 %",
            cloud: seeded(6),
            share: "50%",
            readers: 3,
            lives: &[(0, DAY_S / 4, Proper)],
            ..DAY
        },
        Day {
            name: "(f) a third more",
            cloud: seeded(7),
            error_per_mille: (1_000, 1_333),
            readers: 4,
            ..DAY
        },
        Day {
            name: "(f) a third less",
            cloud: seeded(8),
            error_per_mille: (667, 1_000),
            readers: 4,
            ..DAY
        },
        Day {
            name: "(f) a third either way",
            cloud: seeded(9),
            error_per_mille: (667, 1_333),
            readers: 4,
            ..DAY
        },
    ]);
}

/// Bytes of a value of the TSBS shape as measured, and 1 % for counts and look-ups. The official task, which reads every batch
/// three times and has no share but all of it, would take 137 hours.
#[test]
fn a_thousand_million_values_pass_in_time() {
    for (name, bytes_per_1000_values, seconds) in
        [("influxql", 2_100, HOUR_S * 7 / 10), ("flux-pivot", 6_500, HOUR_S * 21 / 10)]
    {
        let lives: &'static [Life] = Box::leak(Box::new([(0, seconds, Proper)]));
        let read = spend(Day { name, lives, ..DAY });
        let wanted = bytes_per_1000_values * 1_000_000 * 101 / 100;
        assert!(read >= wanted, "{name}: {read} of {wanted} bytes in {seconds} s");
    }
}

#[test]
fn a_timetable_is_followed_to_the_minute() {
    const JUMPS: &[(u64, i64)] =
        &[(5 * HOUR_S, 7_200), (9 * HOUR_S, -36_000), (15 * HOUR_S, 400_000_000)];
    let seeded = |seed| Settings { seed, ..CLOUD };
    let often = "00:00,90% 03:00,20% 03:01,90% 06:30,50% 06:35,95% 06:40,10% 12:00,70%";
    spend_all(&[
        Day {
            name: "(b) day and night",
            cloud: seeded(11),
            share: "08:00,30% 19:00,95%",
            readers: 4,
            ..DAY
        },
        Day { name: "(b) many changes", cloud: seeded(12), share: often, readers: 4, ..DAY },
        Day { name: "(b) one entry", cloud: seeded(13), share: "08:00,90%", ..DAY },
        Day {
            name: "(b) the source's clock jumps",
            cloud: Settings { seed: 14, jumps: JUMPS, ..CLOUD },
            share: "08:00,30% 19:00,95%",
            readers: 4,
            ..DAY
        },
    ]);
}

#[test]
fn runs_that_come_and_go_share_one_quota() {
    let seeded = |seed| Settings { seed, ..CLOUD };
    spend_all(&[
        Day {
            name: "(c) two runs",
            cloud: seeded(21),
            lives: &[(0, DAY_S, Proper), (12_345, 50_001, Proper)],
            ..DAY
        },
        Day {
            name: "(c) three runs, one killed",
            cloud: seeded(22),
            readers: 3,
            lives: &[(0, 61_234, Proper), (7_777, DAY_S, Proper), (20_003, 40_404, Killed)],
            ..DAY
        },
        Day {
            name: "(c) three runs by the timetable",
            cloud: seeded(23),
            share: "08:00,30% 19:00,95%",
            lives: &[(0, DAY_S, Proper), (3_333, 30_000, Killed), (3_334, 70_007, Proper)],
            ..DAY
        },
    ]);
}

#[test]
fn runs_that_hardly_live_grant_nothing_twice() {
    let seeded = |seed| Settings { seed, ..CLOUD };
    spend_all(&[
        Day {
            name: "(c) a row of short runs",
            cloud: seeded(24),
            lives: &[
                (0, 400, Proper),
                (401, 470, Proper),
                (475, 590, Killed),
                (591, 660, Proper),
                (660, 700, Killed),
                (700, 790, Proper),
                (791, 1_400, Proper),
            ],
            used_min: 900,
            ..DAY
        },
        Day {
            name: "(c) five at once",
            cloud: seeded(25),
            lives: &[
                (0, 7_200, Proper),
                (1, 7_200, Proper),
                (1, 7_200, Proper),
                (2, 7_200, Proper),
                (3, 3_600, Killed),
            ],
            // Five requests in flight, one of each run, leave less for the rate.
            used_min: 930,
            ..DAY
        },
    ]);
}

#[test]
fn other_readers_make_no_storm() {
    let with = |seed, other, says| Settings { seed, other, says, ..CLOUD };
    spend_all(&[
        Day {
            name: "(d) others take 5 %",
            cloud: with(31, Other::Steady(50), Says::Seconds),
            ..DAY
        },
        Day {
            name: "(d) others take 30 %",
            cloud: with(32, Other::Steady(300), Says::Seconds),
            refused_max: 20,
            ..DAY
        },
        Day {
            name: "(d) others take 30 %, nothing said",
            cloud: with(33, Other::Steady(300), Says::Nothing),
            refused_max: 95,
            ..DAY
        },
        Day {
            name: "(d) others take 60 % at once",
            cloud: with(34, Other::AtOnce(600), Says::Seconds),
            refused_max: 25,
            ..DAY
        },
        Day {
            name: "(d) others take 60 % at once, nothing said",
            cloud: with(35, Other::AtOnce(600), Says::Nothing),
            refused_max: 190,
            ..DAY
        },
        Day {
            name: "(d) others take 95 % first",
            cloud: with(36, Other::First(950), Says::Seconds),
            // One for each window.
            refused_max: 160,
            ..DAY
        },
        Day {
            name: "(d) others take 95 % first, nothing said",
            cloud: with(37, Other::First(950), Says::Nothing),
            // Twenty-two probes for each window, the pauses between them ever longer.
            refused_max: 810,
            ..DAY
        },
    ]);
}

#[test]
fn refusals_at_random_cost_little() {
    let with =
        |seed, per_mille, says| Settings { seed, random: Some((per_mille, 5)), says, ..CLOUD };
    spend_all(&[
        Day {
            name: "(e) 1 % refused",
            cloud: with(41, 10, Says::Seconds),
            refused_max: 12,
            readers: 4,
            ..DAY
        },
        Day {
            name: "(e) 1 % refused, nothing said",
            cloud: with(42, 10, Says::Nothing),
            refused_max: 13,
            readers: 4,
            ..DAY
        },
        Day {
            name: "(e) 5 % refused, nothing said",
            cloud: with(43, 50, Says::Nothing),
            refused_max: 60,
            readers: 4,
            ..DAY
        },
    ]);
}

#[test]
fn limits_of_queries_are_kept_too() {
    const FOUR: Day = Day { readers: 4, lives: &[(0, DAY_S / 4, Proper)], ..DAY };
    const TWICE: &[Life] = &[(0, DAY_S / 4, Proper), (1_001, DAY_S / 5, Killed)];
    let seeded = |seed| Settings { seed, ..CLOUD };
    let timed = |seed, ms| Settings { query_time_ms: Some(ms), ..seeded(seed) };
    let counted = |seed, max| Settings { queries_max: Some(max), ..seeded(seed) };
    // The limit of time leaves less than the quota: bytes are no measure then.
    let slow = Day { used_min: 0, ..FOUR };
    spend_all(&[
        Day { name: "(g) two queries at one time", cloud: counted(51, 2), ..FOUR },
        Day {
            name: "(g) one query at one time",
            cloud: counted(52, 1),
            answer_ms: (100, 1_500),
            ..FOUR
        },
        Day { name: "(g) three for two runs", cloud: counted(53, 3), lives: TWICE, ..FOUR },
        Day {
            name: "(g) one for two runs",
            cloud: counted(54, 1),
            answer_ms: (100, 1_500),
            lives: TWICE,
            ..FOUR
        },
        Day {
            name: "(g) 1,500 s never bind",
            cloud: timed(55, 1_500_000),
            readers: 16,
            answer_ms: (5_000, 20_000),
            ..FOUR
        },
        Day {
            name: "(g) 12 s, short queries",
            cloud: timed(56, 12_000),
            answer_ms: (500, 3_000),
            time_min: 550,
            ..slow
        },
        Day {
            name: "(g) 60 s, long queries",
            cloud: timed(57, 60_000),
            answer_ms: (5_000, 30_000),
            time_min: 1,
            ..slow
        },
        Day {
            name: "(g) 3 s, one at a time",
            cloud: timed(58, 3_000),
            answer_ms: (500, 2_500),
            time_min: 1,
            ..slow
        },
        Day {
            name: "(g) 30 s for two runs",
            cloud: timed(59, 30_000),
            answer_ms: (500, 3_000),
            lives: TWICE,
            time_min: 1,
            ..slow
        },
    ]);
}
