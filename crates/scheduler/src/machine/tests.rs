//! The machine in virtual time: lives of gangs as scripts, and whatever happens by chance.

mod ends;
mod gangs;
mod given_up;
mod launches;
mod losses;
mod offers;
mod play;
mod random;
mod requests;
mod restarts;
mod spawns;
mod updates;
