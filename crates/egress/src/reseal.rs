//! RTCP that somebody else writes for the same connection: it has keys of its own, and what it seals is sealed anew here.

use crate::batch::Batch;
use crate::rtcp;
use crate::sender::{Sender, finish_rtcp};
use crate::srtp::{Keys, Opener};

impl Sender {
    /// Takes in what is sealed with `keys` from now on; false: they are unusable.
    pub fn set_foreign(&mut self, keys: &Keys) -> bool {
        self.foreign = Opener::new(keys);
        self.foreign.is_some()
    }

    /// Sends on what others say to the peer, without what they report of streams that are sent here.
    pub fn reseal(&mut self, packet: &[u8], batch: &mut Batch) {
        let Some((path, foreign)) = self.path.zip(self.foreign.as_mut()) else { return };
        let Some(opened) = foreign.open_rtcp(packet) else { return };
        let start = batch.bytes().len();
        for part in rtcp::parts_of_others(opened) {
            batch.bytes().extend_from_slice(part);
        }
        if batch.bytes().len() >= start + rtcp::SHORTEST {
            finish_rtcp(&mut self.sealer, start, path, &mut self.place, batch, &mut self.sent_bytes);
            self.sent_packets += 1;
        } else {
            batch.bytes().truncate(start);
        }
    }
}
