//! A client's connection: one request after the other, each given to a backend with a free slot.
//!
//! What happens to a request, in order; each step is a file:
//!
//! | step | where |
//! |---|---|
//! | what comes first: TLS, the PROXY protocol | `greeting`, `stream` |
//! | its head is read, strictly, and written down for the link | `connection`, `request` |
//! | it comes without TLS, where the site wants TLS | `secure` |
//! | perhaps it is for a file that the site serves itself | `file` |
//! | a small body is read before a slot is taken | `upload`, `pace` |
//! | a slot is asked for, and waited for | `slot` |
//! | it is delivered; body and reply flow | `relay` |
//! | after a 101 the two talk | `tunnel` |
//! | the backend died: again, or 502 | `replay` |
//! | it is noted in the access log | [`crate::access`] |
//!
//! `answer` strings them together. It knows the client only as a [`side::ClientSide`]: `connection` is the one of HTTP/1.1,
//! `http2` has that of a stream.

mod answer;
mod connection;
mod file;
mod greeting;
mod http2;
mod own;
mod pace;
mod relay;
mod replay;
mod request;
mod secure;
mod side;
mod slot;
mod stream;
mod tunnel;
mod upload;

use std::net::SocketAddr;
use std::rc::Rc;

use swiftiply_wire::Version;
use tokio::net::TcpStream;

use crate::buffer::Buffer;
use crate::shard::{Connected, Shard};

use connection::{Connection, Next};
pub use greeting::{Entrance, Newcomer, greet};
use own::Own;
use request::Request;
pub use request::Spare;
use side::{ClientSide, Ended};
pub use stream::ClientStream;

/// A client that has just come.
#[derive(Debug)]
pub struct Arrival {
    /// Its socket.
    pub stream: ClientStream,
    /// What it has sent already.
    pub early: Buffer,
    /// Its address.
    pub peer: SocketAddr,
    /// Where it connected to.
    pub local: Option<Rc<SocketAddr>>,
}

impl Arrival {
    /// One that has said nothing yet, and does not speak TLS.
    pub fn plain(socket: TcpStream, peer: SocketAddr, local: Option<Rc<SocketAddr>>) -> Self {
        Self { stream: ClientStream::Tcp(socket), early: Buffer::default(), peer, local }
    }
}

/// Serves one client until it or we close the connection.
///
/// Its task is most of what an idle client costs, so what is rare is boxed, and the connection is made before the future
/// that has it: an argument of an `async fn` would have room there beside what was made of it.
pub fn serve(shard: &Rc<Shard>, arrival: Arrival, connected: Connected) -> impl Future<Output = ()> + use<> {
    let mut connection = Connection::new(shard.clone(), arrival, connected);
    async move {
        connection.begin().await;
        if connection.chose_http2() {
            return Box::pin(http2::serve(connection.into_http2())).await;
        }
        loop {
            let after = match connection.next_request().await {
                Ok(Next::Request(request)) => serve_one(&mut connection, request).await,
                Ok(Next::Http2) => return Box::pin(http2::serve(connection.into_http2())).await,
                Err(Ended::Quietly) => return connection.leave(),
                Err(Ended::Refused(refusal)) => Box::pin(refuse(&mut connection, refusal)).await,
            };
            match after {
                After::Keep => {}
                After::Leave => return connection.leave(),
                After::Close => return Box::pin(connection.close()).await,
                After::Cut => return connection.cut(),
            }
        }
    }
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The next request may come.
    Keep,
    /// All that had to be said is said, on both sides.
    Leave,
    /// All that we had to say is said.
    Close,
    /// The client must see that something is missing.
    Cut,
}

async fn serve_one(connection: &mut Connection, mut request: Box<Request>) -> After {
    let after = match answer::answer(connection, &mut request).await {
        After::Keep if request.upload.is_read() => After::Keep,
        After::Keep => Box::pin(request.upload.finish(connection)).await,
        // The client needs no time to read the reply before it sees a reset: nothing comes that could cause one.
        After::Close if request.is_last && request.flags.end && connection.has_nothing_to_come() => {
            After::Leave
        }
        other => other,
    };
    connection.is_done_with(request);
    after
}

/// What could not be read is answered, noted, and the connection closed.
async fn refuse(connection: &mut Connection, own: Own) -> After {
    let _ = connection.say(&own.page(true, false, Version::Http11)).await;
    connection.note_refusal(&own);
    After::Close
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the task of a client may take, idle or not: with what tokio keeps beside it, less than 1 KiB.
    const TASK_BYTES_MAX: usize = 640;

    fn size_of_task<F: Future>(_: impl FnOnce(&Rc<Shard>, Arrival, Connected) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_an_idle_client_is_small() {
        let bytes = size_of_task(serve);
        assert!(bytes <= TASK_BYTES_MAX, "{bytes} bytes");
    }
}
