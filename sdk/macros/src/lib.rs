//! Attribute macros of mesosgot-sdk.
