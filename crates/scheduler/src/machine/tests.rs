//! Scripts of what happens to a gang, and random ones.

mod play;
mod random;
mod scripts;
