//! Starting the proxy, in the one order that works.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use swiftiply::config::{Config, ConfigSource, Outgoing, SiteConfig};
use swiftiply::logging;
use swiftiply::run::Proxy;

use super::args::Args;
use super::daemon::{self, Daemon};
use super::identity::{self, NewIdentity};
use super::pidfile::Pidfile;
use super::{Failure, print_warnings};

/// Runs until the proxy has stopped.
pub fn start(args: &Args) -> Result<(), Failure> {
    let (source, config) = read(args)?;
    let identity = identity::find(&config.process).map_err(Failure::Identity)?;
    // Forks, so it comes before everything that starts a thread.
    let mut daemon = match config.process.daemonize {
        true => Some(daemon::leave_terminal().map_err(Failure::Daemon)?),
        false => None,
    };
    let outcome = run(source, &config, identity, &mut daemon);
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
    daemon: &mut Option<Daemon>,
) -> Result<(), Failure> {
    // The pid file first: "already runs" tells more than "address in use".
    let pidfile = config.process.pidfile.as_deref().map(Pidfile::create).transpose();
    let _pidfile = pidfile.map_err(Failure::Pidfile)?;
    logging::start(&config.log).map_err(Failure::Log)?;
    raise_descriptor_limit();
    let bound = Proxy::bind(config).map_err(Failure::Bind)?;
    if let Some(identity) = identity {
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
    bound.counting_memory(|| crate::ALLOCATOR.allocated()).serve(source).map_err(|error| {
        // Standard error is gone in the background.
        if is_daemon {
            tracing::error!("{error}");
        }
        Failure::Run(error)
    })
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
