//! Sockets that a service manager opened for this process (`sd_listen_fds(3)`, systemd's socket activation). They stay
//! open when the process ends, so that clients only wait while it is restarted.

use std::io;

use listenfd::ListenFd;

use crate::listen::Inherited;

/// All of them; none where nobody opened any.
///
/// # Errors
/// If one of them is no listening stream socket.
pub fn of_service_manager() -> io::Result<Inherited> {
    let mut inherited = Inherited::default();
    // It looks at LISTEN_PID: sockets that were meant for a parent are not ours.
    let mut given = ListenFd::from_env();
    for index in 0..given.len() {
        match given.take_tcp_listener(index) {
            Ok(Some(listener)) => inherited.add_of_manager(listener.into())?,
            Ok(None) => {}
            Err(_) => {
                if let Some(listener) = given.take_unix_listener(index)? {
                    inherited.add_of_manager(listener.into())?;
                }
            }
        }
    }
    Ok(inherited)
}
