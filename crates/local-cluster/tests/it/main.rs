//! Whole clusters, seen as a framework sees them.

mod cluster;
