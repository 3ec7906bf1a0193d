//! The subscribers' sockets, read on a thread of their own.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use visavis_bench::socket::{Buffers, Socket};

/// All of them.
pub struct Clients {
    sockets: Vec<Socket>,
    poll: Poll,
    ready: Events,
    buffers: Buffers,
}

impl Clients {
    /// Of these sockets.
    pub fn new(sockets: Vec<Socket>) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (number, socket) in sockets.iter().enumerate() {
            poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), Token(number), Interest::READABLE)?;
        }
        Ok(Self { sockets, poll, ready: Events::with_capacity(1024), buffers: Buffers::new() })
    }

    /// Waits until something comes, at most so long.
    pub fn wait(&mut self, within: Option<Duration>) -> io::Result<()> {
        self.poll.poll(&mut self.ready, within)
    }

    /// Reads all that was waited for; returns how many datagrams.
    pub fn read(&mut self) -> usize {
        let mut count = 0;
        for event in &self.ready {
            loop {
                let (came, may_be_more) = self.sockets[event.token().0].receive(&mut self.buffers);
                count += came;
                if !may_be_more {
                    break;
                }
            }
        }
        count
    }
}
