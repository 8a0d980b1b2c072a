//! The async ends of a link: queues for guests and app schedulers over the channel machine.
