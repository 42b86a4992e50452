//! Starting the proxy, in the one order that works.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use swiftiply::acme::Store;
use swiftiply::config::{Config, ConfigSource, Outgoing, SiteConfig};
use swiftiply::logging;
use swiftiply::run::{Inherited, Pidfile, Predecessor, Program, Proxy, Seat, Signals, of_service_manager};

use super::args::Args;
use super::daemon::{self, Daemon};
use super::identity::{self, NewIdentity};
use super::{Failure, print_warnings};

/// Runs until the proxy has stopped.
pub fn start(args: &Args) -> Result<(), Failure> {
    // Before everything else that can fail, so that the old process hears of that.
    let predecessor = Predecessor::meet().map_err(Failure::Inheritance)?;
    let apology = predecessor.as_ref().map(Predecessor::apology).transpose().map_err(Failure::Inheritance)?;
    let outcome = become_proxy(args, predecessor);
    if let (Err(failure), Some(apology)) = (&outcome, apology) {
        apology.say(&failure.to_string());
    }
    outcome
}

fn become_proxy(args: &Args, predecessor: Option<Predecessor>) -> Result<(), Failure> {
    let program = Program::of_this_process().map_err(Failure::Folder)?;
    let (source, config) = read(args)?;
    let identity = identity::find(&config.process).map_err(Failure::Identity)?;
    // Forks, so it comes before everything that starts a thread. What takes the place of a process in the background is
    // there already.
    let mut daemon = match (config.process.daemonize, &predecessor) {
        (true, None) => Some(daemon::leave_terminal().map_err(Failure::Daemon)?),
        (true, Some(_)) => daemon::hold_no_folder().map(|()| None).map_err(Failure::Daemon)?,
        (false, _) => None,
    };
    let seat = Seat { program, pidfile: None, predecessor };
    let outcome = run(source, &config, identity, seat, &mut daemon);
    logging::finish();
    if let (Err(failure), Some(daemon)) = (&outcome, daemon) {
        // The waiting process ends when told, so the sentence must be out before.
        eprintln!("swiftiply: {failure}");
        daemon.failed(failure.exit_code());
        std::process::exit(failure.exit_code().into());
    }
    outcome
}

fn read(args: &Args) -> Result<(ConfigSource, Config), Failure> {
    let source = args.source().map_err(Failure::Folder)?;
    let (config, warnings) = source.reload().map_err(Failure::Config)?;
    print_warnings(&warnings);
    Ok((source, config))
}

fn run(
    source: ConfigSource,
    config: &Config,
    identity: Option<NewIdentity>,
    mut seat: Seat,
    daemon: &mut Option<Daemon>,
) -> Result<(), Failure> {
    // A stop that comes now still removes the pid file.
    let signals = Signals::catch().map_err(Failure::Run)?;
    // The pid file before the addresses: "already runs" tells more than "address in use".
    seat.pidfile = pidfile(config, &mut seat.predecessor)?;
    logging::start(&config.log).map_err(Failure::Log)?;
    raise_descriptor_limit();
    let mut inherited = match &mut seat.predecessor {
        Some(predecessor) => std::mem::take(&mut predecessor.inherited),
        None => of_service_manager().map_err(Failure::Activation)?,
    };
    let bound = Proxy::bind_or_inherit(config, &mut inherited).map_err(Failure::Bind)?;
    report_left_over(inherited, &seat);
    let store = config.acme.as_ref().map(Store::of);
    if let Some(store) = &store {
        store.prepare().map_err(Failure::Store)?;
    }
    if let Some(identity) = identity {
        for path in store.iter().flat_map(Store::paths) {
            identity.own(&path).map_err(Failure::Identity)?;
        }
        for address in config.sites.iter().flat_map(SiteConfig::outgoing) {
            if let Outgoing::Unix(path) = address {
                identity.own(path).map_err(Failure::Identity)?;
            }
        }
        identity.take_on().map_err(Failure::Identity)?;
    }
    if source.path.is_none() {
        announce_embedded(config);
    }
    let is_daemon = daemon.is_some();
    if let Some(daemon) = daemon.take() {
        eprintln!("swiftiply: runs in the background as process {}", std::process::id());
        daemon.ready().map_err(Failure::Daemon)?;
    }
    bound.counting_memory(|| crate::ALLOCATOR.allocated()).serve(source, seat, signals).map_err(|error| {
        // Standard error is gone in the background.
        if is_daemon {
            tracing::error!("{error}");
        }
        Failure::Run(error)
    })
}

/// A pid file of its own; or none yet, if it is its predecessor's that it will take over.
fn pidfile(config: &Config, predecessor: &mut Option<Predecessor>) -> Result<Option<Pidfile>, Failure> {
    let path = config.process.pidfile.as_deref();
    if let Some(predecessor) = predecessor {
        predecessor.pidfile.take_if(|(theirs, _)| Some(theirs.as_path()) != path);
        if predecessor.pidfile.is_some() {
            return Ok(None);
        }
    }
    path.map(Pidfile::create).transpose().map_err(Failure::Pidfile)
}

/// A manager keeps its sockets open: whoever connects to one that nobody serves waits for ever.
fn report_left_over(inherited: Inherited, seat: &Seat) {
    if seat.predecessor.is_none() && !inherited.left_over().is_empty() {
        tracing::warn!(
            "the service manager listens at {inherited}, which the configuration does not name: nobody serves who connects there"
        );
    }
}

/// Each client and each link is a descriptor, and many systems start a process with 1,024 allowed where
/// it may have a million. Where the system refuses, the old limit holds.
fn raise_descriptor_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn announce_embedded(config: &Config) {
    let site = &config.sites[0];
    let outgoing: Vec<_> = site.outgoing().map(ToString::to_string).collect();
    tracing::info!(
        "no configuration given: clients connect to http://{}, backends to {}",
        config.listen[0],
        outgoing.join(" or ")
    );
}
