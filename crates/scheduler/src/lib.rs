//! Offers, gang placement, task ledger and policies, as a deterministic machine.
