//! What a task is to do.

use thiserror::Error;

/// The first message to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Send everything back.
    Echo,
    /// Count what comes, and answer the [`Tally`](crate::Tally) when the channel closes.
    Count,
}

/// The first message is no order.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the first message is no order: expected `echo` or `count`, got {0} other bytes")]
pub struct OrderError(usize);

impl Order {
    /// The order as a message.
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Echo => b"echo",
            Self::Count => b"count",
        }
    }
}

impl TryFrom<&[u8]> for Order {
    type Error = OrderError;

    fn try_from(message: &[u8]) -> Result<Self, OrderError> {
        [Self::Echo, Self::Count]
            .into_iter()
            .find(|order| order.as_bytes() == message)
            .ok_or(OrderError(message.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written_and_nothing_else_is_one() {
        for order in [Order::Echo, Order::Count] {
            assert_eq!(Order::try_from(order.as_bytes()), Ok(order));
        }
        assert_eq!(Order::try_from(&b"hello"[..]), Err(OrderError(5)));
    }
}
