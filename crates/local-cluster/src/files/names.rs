//! The names of users and groups.

use std::collections::HashMap;
use std::fs;

/// Names by number, as the files of the system have them. What other directories of users know is
/// not asked; a number without a name stays a number.
#[derive(Debug)]
pub(super) struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Names {
    /// Reads them; a system without such files has no names.
    pub(super) fn read() -> Self {
        let read = |path| parse(&fs::read_to_string(path).unwrap_or_default());
        Self {
            users: read("/etc/passwd"),
            groups: read("/etc/group"),
        }
    }

    pub(super) fn user(&self, id: u32) -> String {
        name(&self.users, id)
    }

    pub(super) fn group(&self, id: u32) -> String {
        name(&self.groups, id)
    }
}

fn name(names: &HashMap<u32, String>, id: u32) -> String {
    names.get(&id).cloned().unwrap_or_else(|| id.to_string())
}

/// Lines of `name:password:number:…`; the first name of a number counts.
fn parse(text: &str) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(id)) = (fields.next(), fields.nth(1))
            && let Ok(id) = id.parse()
        {
            names.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_number_counts_and_what_is_no_line_is_passed_over() {
        let names = parse("root:x:0:0:root:/root:/bin/sh\nnonsense\ntoor:x:0\na:b:c\nu:x:7:7");
        assert_eq!(name(&names, 0), "root");
        assert_eq!(name(&names, 7), "u");
        assert_eq!(name(&names, 8), "8");
    }
}
