//! How modules come to executors, and whether all of them can come so.

use super::Resolver;
use crate::job::{Delivery, Group};

impl Resolver<'_> {
    pub(super) fn delivery(&mut self, text: Option<&str>, groups: &[Group]) -> Delivery {
        let choices = [
            ("auto", Delivery::Auto),
            ("server", Delivery::Server),
            ("link", Delivery::Link),
            ("url", Delivery::Url),
        ];
        let delivery = self.choice(&["modules"], text, Delivery::Auto, &choices);
        if delivery == Delivery::Url {
            for group in groups.iter().filter(|group| !group.module.has_address()) {
                let name = group.name.as_str();
                let message =
                    format!("with `modules: url` the module of `{name}` must have an address");
                let help = "write `https://…#sha256:DIGEST`, or `file:///…#sha256:DIGEST` for a \
                            file that every agent has, or leave `modules: url` out";
                self.wrong_value(&["tasks", name, "module"], &message, Some(help));
            }
        }
        delivery
    }
}
