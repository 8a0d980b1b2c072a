//! How the process of an executor has ended, in words.

/// What a wait status says, as FAILURE carries it (PROTOCOL §9.3): `killed by SIGKILL`, `exited with
/// code 1`. Nothing for one that Mesos does not know.
pub(crate) fn describe(status: i32) -> Option<String> {
    if status < 0 {
        return None;
    }
    let (signal, code) = (status & 0x7f, status >> 8);
    let name = match signal {
        0 => return Some(format!("exited with code {code}")),
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        other => return Some(format!("killed by signal {other}")),
    };
    Some(format!("killed by {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_is_a_signal_or_a_code() {
        let cases = [
            (9, Some("killed by SIGKILL")),
            (128 + 11, Some("killed by SIGSEGV")),
            (31, Some("killed by signal 31")),
            (0, Some("exited with code 0")),
            (1 << 8, Some("exited with code 1")),
            (-1, None),
        ];
        for (status, text) in cases {
            assert_eq!(describe(status).as_deref(), text, "{status}");
        }
    }
}
