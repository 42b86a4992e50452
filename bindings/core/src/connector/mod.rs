//! Several links to several proxies, without I/O.

use swiftiply_wire::HeaderBlock;

use crate::{Read, ReplyError, ReplyHead, Trailers};

pub(crate) struct Connector;

#[allow(unused_variables, clippy::unused_self)]
impl Connector {
    pub(crate) fn read(&mut self, place: usize, max: usize) -> Read {
        todo!()
    }
    pub(crate) fn request_trailers(&mut self, place: usize) -> Option<HeaderBlock> {
        todo!()
    }
    pub(crate) fn is_disconnected(&mut self, place: usize) -> bool {
        todo!()
    }
    pub(crate) fn inform(
        &mut self,
        place: usize,
        status: u16,
        headers: &[(&[u8], &[u8])],
    ) -> Result<(), ReplyError> {
        todo!()
    }
    pub(crate) fn start_reply(&mut self, place: usize, head: &ReplyHead) -> Result<(), ReplyError> {
        todo!()
    }
    pub(crate) fn restart_reply(&mut self, place: usize, head: &ReplyHead) -> Result<(), ReplyError> {
        todo!()
    }
    pub(crate) fn send_reply(
        &mut self,
        place: usize,
        head: &ReplyHead,
        body: &[u8],
    ) -> Result<usize, ReplyError> {
        todo!()
    }
    pub(crate) fn write(&mut self, place: usize, data: &[u8]) -> Result<usize, ReplyError> {
        todo!()
    }
    pub(crate) fn finish_reply(
        &mut self,
        place: usize,
        trailers: Option<&Trailers>,
    ) -> Result<(), ReplyError> {
        todo!()
    }
    pub(crate) fn abort_reply(&mut self, place: usize, reason: &str) {
        todo!()
    }
    pub(crate) fn hold_slot(&mut self, place: usize) {
        todo!()
    }
    pub(crate) fn release_slot(&mut self, place: usize) {
        todo!()
    }
    pub(crate) fn reply_has_begun(&mut self, place: usize) -> bool {
        todo!()
    }
    pub(crate) fn reply_has_ended(&mut self, place: usize) -> bool {
        todo!()
    }
    pub(crate) fn forget(&mut self, place: usize) {
        todo!()
    }
}
