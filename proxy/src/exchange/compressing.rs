//! Compression on the way: between what is told and what is rendered. Credit counts what the backend sent.
//!
//! A frame is compressed when it comes, so a turn of the link compresses no more than it reads. What the compressor holds
//! back is flushed when the client has taken all before it: nothing waits for more, and what comes together is compressed
//! together.

use swiftiply_wire::{Body, ReplyHead};

use super::State;
use crate::compress::{Encoder, Plan, decide, edit};
use crate::link::Breach;

impl State {
    /// Decides by the head whether the reply is compressed, and begins. Gives the head as it is to be then.
    pub(super) fn begin_compressing(&mut self, head: &ReplyHead<&[u8]>) -> Option<Vec<u8>> {
        let wanted = self.rules.compress?;
        let length = match head.body() {
            Body::Length(length) => Some(length),
            Body::None if !self.rules.head_only => Some(0),
            Body::None | Body::Unknown => None,
        };
        match decide(wanted, head.status(), head.headers(), length) {
            Plan::Leave => None,
            Plan::Vary => Some(edit(head, None)),
            Plan::Compress(coding) if self.rules.head_only => Some(edit(head, Some(coding))),
            Plan::Compress(coding) => {
                self.encoder = Encoder::new(coding).map(Box::new);
                Some(edit(head, self.encoder.is_some().then_some(coding)))
            }
        }
    }

    /// A piece of the body. False if it is not compressed.
    pub(super) fn compress(&mut self, data: &[u8]) -> Result<bool, Breach> {
        let Some(encoder) = &mut self.encoder else { return Ok(false) };
        encoder.add(data).map_err(failed)?;
        let ready = encoder.take();
        self.put_compressed(&ready);
        Ok(true)
    }

    /// The client has taken all that there was: it shall have what the compressor holds back.
    pub(super) fn flush_encoder(&mut self) {
        let Some(encoder) = self.encoder.as_mut().filter(|_| self.in_out > 0) else { return };
        // One that fails here fails at the end of the body too, and is told of then.
        let _ = encoder.flush();
        let ready = encoder.take();
        self.put_compressed(&ready);
    }

    pub(super) fn finish_encoder(&mut self) -> Result<(), Breach> {
        if let Some(encoder) = self.encoder.take() {
            let rest = encoder.finish().map_err(failed)?;
            self.put_compressed(&rest);
        }
        Ok(())
    }

    fn put_compressed(&mut self, data: &[u8]) {
        self.body_bytes += data.len() as u64;
        self.put_data(data);
    }
}

fn failed(error: std::io::Error) -> Breach {
    Breach(format!("a reply's body could not be compressed: {error}"))
}
