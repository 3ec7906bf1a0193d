//! What workers have for each other: parts of one room, spread over them.

use visavis_sfu::{Command, Parcel};

use crate::inbox::Post;
use crate::router::{Arrivals, Router};
use crate::worker::Order;

/// The ways from one worker to all others.
pub(crate) struct Parcels {
    own: u16,
    /// By worker. Nothing told or asked may be lost.
    orders: Vec<Post<Order>>,
}

impl Parcels {
    pub fn new(own: u16, orders: Vec<Post<Order>>) -> Self {
        Self { own, orders }
    }

    /// Hands a parcel over. Media is lost if the other worker does not keep up.
    pub fn send(&self, router: &Router, to: u16, parcel: Parcel) {
        match parcel {
            Parcel::Messages(_) => {
                if let Some(orders) = self.orders.get(usize::from(to)) {
                    // It fails only after `close`.
                    let _ = orders.try_send(Order::Relayed(self.own, parcel));
                }
            }
            Parcel::Media(media) => router.deliver(usize::from(to), Arrivals::Relayed(self.own, media)),
        }
    }

    /// This worker has lost all that it had.
    pub fn tell_lost(&self, router: &Router) {
        for to in (0..self.orders.len() as u16).filter(|to| *to != self.own) {
            self.send(router, to, Parcel::lost());
        }
    }
}

/// What the engine has for a worker because of one command.
#[derive(Debug)]
pub(crate) enum Errand {
    /// The command itself.
    Do(Command),
    /// To be passed on to this worker, behind what it is about.
    PassOn(u16, Command),
}
