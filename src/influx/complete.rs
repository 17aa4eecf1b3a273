//! Whether a small CSV answer that ended well as an HTTP message is complete.

use super::classify::server_message;

/// Why a CSV answer that ended well as an HTTP message is not complete all the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incomplete {
    /// It ends with the server's error.
    Error(String),
    /// It ends without the empty line behind the last result.
    Cut,
}

/// Holds the end of a CSV answer against the one mark that the server sets: the empty line behind each result.
pub(super) fn check_csv_end(body: &[u8]) -> Result<(), Incomplete> {
    const ERROR_HEADER: &[u8] = b",error,reference\r\n";
    if body == b"\r\n" || body.ends_with(b"\r\n\r\n") {
        return Ok(());
    }
    if let Some(at) = memchr::memmem::rfind(body, ERROR_HEADER) {
        let row = String::from_utf8_lossy(&body[at + ERROR_HEADER.len()..]);
        let row = row.trim_end().trim_start_matches(',').trim_end_matches(',');
        let text = row.strip_prefix('"').and_then(|row| row.strip_suffix('"'));
        return Err(Incomplete::Error(
            text.map_or(row.to_owned(), |text| text.replace("\"\"", "\"")),
        ));
    }
    // After a panic of the server its JSON error is glued to the last row.
    if let Some(at) = memchr::memmem::rfind(body, b"{\"code\":\"") {
        let glued = String::from_utf8_lossy(&body[at..]);
        if serde_json::from_str::<serde_json::Value>(&glued).is_ok() {
            return Err(Incomplete::Error(server_message(&glued)));
        }
    }
    Err(Incomplete::Cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_csv_answer_proves_it_whole() {
        let error = |text: &str| Err(Incomplete::Error(text.to_owned()));
        let table =
            "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n";
        for (body, expected) in [
            ("\r\n", Ok(())),
            (",,0,1\r\n\r\n", Ok(())),
            ("", Err(Incomplete::Cut)),
            (",,0,1\r\n", Err(Incomplete::Cut)),
            (",,0,1", Err(Incomplete::Cut)),
            (",error,reference\r\n,boom,\r\n", error("boom")),
            (&*format!(",,0,1\r\n\r\n{table},\"a \"\"b\"\", c\",\r\n"), error("a \"b\", c")),
            (",,0,1\r\n{\"code\":\"internal error\",\"message\":\"a panic\"}", error("a panic")),
            (",,0,1\r\n{\"code\":\"intern", Err(Incomplete::Cut)),
        ] {
            assert_eq!(check_csv_end(body.as_bytes()), expected, "{body:?}");
        }
    }
}
