//! What the app does with an exchange.

use swiftiply_wire::{Body, HeaderBlock, ReplyFields, ReplyHead as WireHead, ResetCode, StreamId, ToProxy};

use super::{Connector, LinkId};
use crate::exchange::{Gone, Outlet, ReplyHalf};
use crate::head::Fields;
use crate::notice::{Level, NoticeKind};
use crate::{Read, ReadError, ReplyError, ReplyHead, Trailers};

impl Connector {
    pub(crate) fn read(&mut self, place: usize, max: usize) -> Read {
        let exchange = &mut self.exchanges[place];
        if !exchange.reply.has_begun() && exchange.body.take_continue() {
            self.say_inform(place, 100, &Fields::default());
        }
        let exchange = &mut self.exchanges[place];
        let (read, credit) = exchange.body.read(max);
        if let (Some(credit), Some(id)) = (credit, exchange.link) {
            let stream = exchange.stream;
            self.say(id, &ToProxy::Window { stream, credit });
        }
        read
    }

    pub(crate) fn request_trailers(&mut self, place: usize) -> Option<HeaderBlock> {
        self.exchanges[place].body.trailers()
    }

    pub(crate) fn is_disconnected(&mut self, place: usize) -> bool {
        self.exchanges[place].gone.is_some()
    }

    pub(crate) fn inform(
        &mut self,
        place: usize,
        status: u16,
        headers: &[(&[u8], &[u8])],
    ) -> Result<(), ReplyError> {
        if !matches!(status, 100 | 102..=199) {
            return Err(ReplyError::BadStatus(status));
        }
        let mut fields = Fields::default();
        for (name, value) in headers {
            fields.push(name, value)?;
        }
        let exchange = &mut self.exchanges[place];
        exchange.reply.check_unsent()?;
        if let Some(gone) = exchange.gone {
            return Err(gone.into());
        }
        if status == 100 {
            // The app says it itself, so the first read need not.
            exchange.body.take_continue();
        }
        self.say_inform(place, status, &fields);
        Ok(())
    }

    pub(crate) fn start_reply(&mut self, place: usize, head: &ReplyHead) -> Result<(), ReplyError> {
        self.check_wanted(place)?;
        self.on_reply(place, |reply, _| reply.start(head))
    }

    pub(crate) fn restart_reply(&mut self, place: usize, head: &ReplyHead) -> Result<(), ReplyError> {
        self.check_wanted(place)?;
        self.on_reply(place, |reply, _| reply.restart(head))
    }

    pub(crate) fn send_reply(
        &mut self,
        place: usize,
        head: &ReplyHead,
        body: &[u8],
    ) -> Result<usize, ReplyError> {
        self.end_unless_wanted(place)?;
        self.on_reply(place, |reply, outlet| reply.send(head, body, outlet))
    }

    /// Writing on for a client that left helps nobody, and its error is how most apps learn that they may stop.
    pub(crate) fn write(&mut self, place: usize, data: &[u8]) -> Result<usize, ReplyError> {
        let exchange = &mut self.exchanges[place];
        if exchange.gone == Some(Gone::ClientLeft) && !exchange.reply.has_ended() {
            exchange.reply.note_lack();
            return Err(ReplyError::ClientGone);
        }
        self.check_wanted(place)?;
        self.on_reply(place, |reply, outlet| reply.write(data, outlet))
    }

    pub(crate) fn finish_reply(
        &mut self,
        place: usize,
        trailers: Option<&Trailers>,
    ) -> Result<(), ReplyError> {
        self.end_unless_wanted(place)?;
        self.on_reply(place, |reply, outlet| reply.finish(trailers, outlet))
    }

    pub(crate) fn abort_reply(&mut self, place: usize, reason: &str) {
        let code = match self.exchanges[place].gone {
            Some(_) => ResetCode::Cancelled,
            None => ResetCode::AppFault,
        };
        self.reset(place, code, reason);
    }

    pub(crate) fn hold_slot(&mut self, place: usize) {
        let exchange = &mut self.exchanges[place];
        exchange.holds_slot |= exchange.fills_slot && !exchange.reply.has_ended();
    }

    pub(crate) fn release_slot(&mut self, place: usize) {
        let exchange = &mut self.exchanges[place];
        exchange.holds_slot = false;
        if exchange.reply.is_tunnel() {
            self.free_slot(place, true);
        }
        self.after_end(place);
    }

    /// Makes the exchange one of the backend's tunnels, if there is one left and the client offers an upgrade.
    pub(crate) fn claim_tunnel(&mut self, place: usize) -> bool {
        let exchange = &mut self.exchanges[place];
        let can_be = exchange.flags.upgrade && !exchange.reply.has_ended();
        if !exchange.claims_tunnel && can_be && self.tunnels < self.tunnels_max {
            exchange.claims_tunnel = true;
            self.tunnels += 1;
        }
        exchange.claims_tunnel
    }

    pub(crate) fn reply_has_begun(&self, place: usize) -> bool {
        self.exchanges[place].reply.has_begun()
    }

    pub(crate) fn reply_has_ended(&self, place: usize) -> bool {
        self.exchanges[place].reply.has_ended()
    }

    /// Whether the client has all that it will get, as far as that was told beforehand.
    pub(crate) fn reply_is_whole(&self, place: usize) -> bool {
        self.exchanges[place].reply.is_whole()
    }

    /// Whether the proxy has heard all that there is to say of the exchange.
    pub(crate) fn is_over(&self, place: usize) -> bool {
        let exchange = &self.exchanges[place];
        exchange.reply.has_ended() && !exchange.fills_slot
    }

    /// The app holds nothing of the exchange any more.
    pub(crate) fn forget(&mut self, place: usize) {
        let exchange = &self.exchanges[place];
        if !exchange.reply.has_ended() {
            let what = exchange.reply.what_is_missing();
            if exchange.gone.is_none() {
                let text = format!("{what}: request {} was dropped", exchange.key.0);
                self.note(Level::Warning, NoticeKind::AppFault, text);
            }
            self.abort_reply(place, what);
        }
        self.release_slot(place);
        self.exchanges.remove(place);
    }

    pub(super) fn is_writable(&self, place: usize) -> bool {
        let exchange = &self.exchanges[place];
        let link = exchange.link.and_then(|id| self.links.get(&id));
        exchange.gone.is_some() || link.is_none_or(|link| exchange.reply.is_writable(link.room()))
    }

    /// Ends what has not ended, with a RESET if there is a link to say it on.
    pub(super) fn reset(&mut self, place: usize, code: ResetCode, reason: &str) {
        let said = self.on_reply(place, |reply, outlet| {
            reply.reset(code, reason, outlet);
            Ok(())
        });
        if said == Err(ReplyError::LinkLost) {
            self.exchanges[place].reply.end_silently();
        }
        // A slot cannot be held beyond a RESET, so the stream is closed even if the app goes on.
        if !self.exchanges[place].reply.owes_release() {
            self.close_stream(place);
        }
        self.after_end(place);
    }

    pub(super) fn unmap(&mut self, id: LinkId, stream: StreamId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.streams.remove(&stream);
            self.leave_if_done(id);
        }
    }

    /// A reply that was cut short by its end is not passed off as whole.
    fn check_wanted(&self, place: usize) -> Result<(), ReplyError> {
        let exchange = &self.exchanges[place];
        match exchange.gone {
            Some(gone @ (Gone::Deadline | Gone::LinkLost | Gone::Stopped)) if !exchange.reply.has_ended() => {
                Err(gone.into())
            }
            _ => Ok(()),
        }
    }

    /// The app's last word on a reply that nobody wants, or that is not whole: the exchange ends, and the app hears
    /// why.
    fn end_unless_wanted(&mut self, place: usize) -> Result<(), ReplyError> {
        let reply = &self.exchanges[place].reply;
        let whole = match reply.lacks_some() && !reply.has_ended() {
            true => Err(ReplyError::ClientGone),
            false => self.check_wanted(place),
        };
        if whole.is_err() {
            self.reset(place, ResetCode::Cancelled, "");
        }
        whole
    }

    /// Runs one step of a reply, on the link that it leaves by.
    fn on_reply<T>(
        &mut self,
        place: usize,
        step: impl FnOnce(&mut ReplyHalf, &mut Outlet<'_>) -> Result<T, ReplyError>,
    ) -> Result<T, ReplyError> {
        let exchange = &mut self.exchanges[place];
        if exchange.reply.has_ended() {
            return Err(ReplyError::AlreadyEnded);
        }
        let Some((id, link)) = exchange.link.and_then(|id| Some((id, self.links.get_mut(&id)?))) else {
            return Err(ReplyError::LinkLost);
        };
        let (stream, room, hold) = (exchange.stream, link.room(), exchange.holds_slot);
        let before = link.out.len();
        let done = step(&mut exchange.reply, &mut Outlet { out: &mut link.out, stream, room, hold });
        if exchange.reply.take_begin() {
            exchange.body.reply_has_begun();
        }
        let opens_tunnel = exchange.reply.is_tunnel();
        if opens_tunnel {
            exchange.body.open_tunnel();
        }
        // Whoever holds the slot has a thread in the app still.
        let leaves_slot = opens_tunnel && exchange.claims_tunnel && !exchange.holds_slot;
        link.held_up |= link.room() == 0;
        if link.out.len() > before {
            self.said += 1;
            self.queue(id);
        }
        if leaves_slot {
            self.free_slot(place, true);
        }
        self.after_end(place);
        done
    }

    /// If the reply has ended, nothing more comes in; and if the app does not hold its slot, that is free.
    fn after_end(&mut self, place: usize) {
        let exchange = &mut self.exchanges[place];
        if !exchange.reply.has_ended() {
            return;
        }
        exchange.body.cut(ReadError::ReplyEnded);
        if std::mem::take(&mut exchange.claims_tunnel) {
            self.tunnels -= 1;
        }
        self.tell_reader(place);
        let exchange = &mut self.exchanges[place];
        if !exchange.holds_slot {
            let owes_release = exchange.reply.take_release();
            self.free_slot(place, owes_release);
            self.close_stream(place);
        }
    }

    /// The app is done with the slot. The proxy has to be told unless the closing frame does.
    fn free_slot(&mut self, place: usize, tell: bool) {
        let exchange = &mut self.exchanges[place];
        if !std::mem::take(&mut exchange.fills_slot) {
            return;
        }
        let stream = exchange.stream;
        if let Some(id) = exchange.link.filter(|_| tell) {
            self.say(id, &ToProxy::Release(stream));
        }
        self.slot_is_free();
    }

    fn close_stream(&mut self, place: usize) {
        let exchange = &mut self.exchanges[place];
        if let Some(id) = exchange.link.take() {
            let stream = exchange.stream;
            self.unmap(id, stream);
        }
    }

    fn say_inform(&mut self, place: usize, status: u16, fields: &Fields) {
        let exchange = &self.exchanges[place];
        let (link, stream) = (exchange.link, exchange.stream);
        let Some(id) = link else { return };
        let mut head = Vec::new();
        let reply = ReplyFields { status, reason: b"", body: Body::None };
        WireHead::write(&mut head, &reply, |headers| headers.push_all(fields.headers()));
        if let Ok(head) = WireHead::read(&head[..]) {
            self.say(id, &ToProxy::Inform { stream, head });
        }
    }
}
