//! Who runs this program, by name: whom a cluster is to run executors as, unless told otherwise.

use std::fs;

use rustix::process::getuid;

/// A name for who has none, where it does not matter.
pub(crate) const NOBODY: &str = "nobody";

/// The login name of the user who runs this program.
///
/// It is the one of the system's user database; where that is not a file, as with a directory
/// service, it is what the login has left in the environment.
pub(crate) fn name() -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of_login = || {
        let name = |variable| std::env::var(variable).ok().filter(|name| !name.is_empty());
        name("LOGNAME").or_else(|| name("USER"))
    };
    name_of(getuid().as_raw(), &users).or_else(of_login)
}

/// The name of a user in a file like `/etc/passwd`.
fn name_of(uid: u32, users: &str) -> Option<String> {
    let uid = uid.to_string();
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    };
    users.lines().find_map(of_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_number() {
        let users = "root:x:0:0:root:/root:/bin/bash\n\
                     # a comment\n\
                     :x:7:7::/:\n\
                     ada:x:1000:100:Ada,,,:/home/ada:/bin/sh\n\
                     also-ada:x:1000:100::/home/ada:/bin/sh\n";
        let name = |uid| name_of(uid, users);
        assert_eq!(name(0).as_deref(), Some("root"));
        assert_eq!(name(1000).as_deref(), Some("ada"));
        assert_eq!([name(100), name(7)], [None, None]);
    }
}
