//! Several processes as one job: who belongs to it, and how they find and watch one another.
//!
//! Process 0 is the *head*: sources, journal, checkpoints, sinks and HTTP are there. The others are *members*: they
//! bring worker threads. Every pair of processes has a connection of timely's own mesh; every member has a *link*
//! to the head besides, over which its workers get their share of the events and give what is to be kept.
//!
//! Invariant: no byte of a connection reaches timely or the job before both ends have shown that they know the
//! secret and mean the same generation and life of it; a generation starts together and ends together. What is
//! sent is not encrypted: the processes belong into a network of their own. Cost: one frame a member for each
//! batch of ticks; a pulse a second.

mod door;
mod error;
mod handshake;
mod head;
mod hosts;
mod link;
mod member;
mod mesh;
mod wire;

pub use error::ClusterError;
pub use head::{Head, LifeOf, Word};
pub use hosts::read_hosts;
pub use member::Member;
pub use wire::{Begin, KeptRow, Pulse, RestoredRow, ToHead, ToMember, WorkerPulse};

pub(crate) use link::Link;

use crate::config::Secret;
use std::net::TcpStream;

/// A process's place in a cluster.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which process this is; 0 is the head.
    pub process: usize,
    /// Host and port of each process.
    pub hosts: Vec<String>,
    /// What all of them know.
    pub secret: Secret,
}

impl Place {
    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.hosts.len()
    }
}

/// A connection to each other process, for timely; none to itself.
pub type Sockets = Vec<Option<TcpStream>>;
