//! Calls in virtual time. One program of them all: each would have the simulation, str0m and all it stands on linked once more.

#[path = "../simulation/mod.rs"]
mod simulation;

mod backup;
mod bandwidth;
mod blank;
mod call;
mod checks;
mod data;
mod dynacast;
mod figures;
mod h265;
mod hostile;
mod idle;
mod incoming;
mod interleavings;
mod playout_delay;
mod recent;
mod redundant_audio;
mod reference;
mod reports;
mod single;
mod spread;
mod svc;
mod turns;
