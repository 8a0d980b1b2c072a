//! What bad input costs a master and an agent in memory. A binary of its own, because it counts all
//! allocations, those of its own side too, which are kept small.

mod memory {
    mod bodies;
    mod connections;
    pub(crate) mod meter;
    mod streams;
}

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;
