//! Reliable channels over an unreliable transport, as a deterministic machine.
