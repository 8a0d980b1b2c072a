//! The command line as it is typed. What it means is decided in `settings`.

mod running;
mod values;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use local_cluster::Chaos;

pub(crate) use self::running::{
    AddressArgs, EventsArgs, JobNameArgs, LogsArgs, PartArgs, SendArgs, StatusArgs, StopArgs,
    TasksArgs, WhichArgs,
};
use self::values::{listen_address, whole};
use crate::colour::Colour;
use crate::logs::LogFormat;

/// The most agents of an embedded cluster, all of which are on this machine.
pub(crate) const AGENTS_MAX: u16 = 100;

/// The most agents whose executors are simulated: a thousand are fast, ten times as many still work.
pub(crate) const SIMULATED_AGENTS_MAX: u16 = 10_000;

/// The most masters of an embedded cluster. One is enough to try jobs, three to try elections.
pub(crate) const MASTERS_MAX: u16 = 9;

/// Launch a gang of WebAssembly tasks on Apache Mesos.
#[derive(Debug, Parser)]
#[command(
    name = "mesosgot",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// How to print what happens.
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "FORMAT"
    )]
    pub(crate) output: OutputFormat,

    /// Print results and errors only, and log errors only unless `-v`, `--log` or `MESOSGOT_LOG`
    /// asks for more.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// When to colour. `auto` does where a terminal shows it and `NO_COLOR` is not set;
    /// `CLICOLOR_FORCE` has it do so elsewhere.
    #[arg(
        long = "color",
        value_enum,
        default_value_t,
        global = true,
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub(crate) colour: Colour,

    /// Log more; twice for debugging.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,

    /// What to log, such as `link=debug` or `info`, over what `-v` and `MESOSGOT_LOG` ask for.
    ///
    /// Targets are `framework`, `mesos-client`, `link`, `executor`, `local-cluster`, `mesosgot` for
    /// all of these, and `http`; levels are `off`, `error`, `warn`, `info`, `debug` and `trace`.
    #[arg(long, global = true, value_name = "[TARGET=]LEVEL,…")]
    pub(crate) log: Vec<String>,

    /// How to write logs, which go to stderr.
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,
}

/// How to print what happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people: lines, and on a terminal what is going on below them.
    #[default]
    Text,
    /// For programs: one JSON object per line on stdout; the last one is the outcome.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build a job, launch its gang and run its app scheduler to the end.
    Run(Box<RunArgs>),
    /// Ask the cluster whether the gang would fit now, and where; launches nothing.
    Plan(Box<PlanArgs>),
    /// Find what would keep a job from running, on this machine and on the cluster, and say how to
    /// repair it; launches nothing.
    Doctor(Box<PlanArgs>),
    /// Show how a running job is: its tasks, agents, messages and memory. Of several jobs, a line
    /// each.
    Status(StatusArgs),
    /// Show what the tasks of a running job have printed.
    Logs(LogsArgs),
    /// Show what has happened to a running job.
    Events(EventsArgs),
    /// Send a message to a task of a running job, into its `in` channel.
    Send(SendArgs),
    /// End tasks of a running job, and wait until they have ended. They do not come back.
    Kill(TasksArgs),
    /// End tasks of a running job and launch them again, and wait until they run.
    Restart(TasksArgs),
    /// End a running job, and wait until it has ended.
    Stop(StopArgs),
    /// Check a job file and its modules without launching anything.
    Check(JobArgs),
    /// Compile a job's guest projects to wasm.
    Build(JobArgs),
    /// Run the embedded cluster by itself, for any framework, until Ctrl-C.
    Cluster(Box<ServeArgs>),
    /// Make the folder of a new job that runs at once: an app scheduler, a task and their tests.
    New(NewArgs),
    /// Print the JSON Schema of job files, by which editors complete them.
    Schema,
    /// Print what lets a shell complete command lines of `mesosgot`.
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands to a folder.
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The folder to make. Its last part is the job's name.
    #[arg(value_name = "NAME")]
    pub(crate) folder: PathBuf,

    /// The language of its functions.
    #[arg(long, value_enum, default_value_t, value_name = "LANGUAGE")]
    pub(crate) lang: Language,
}

/// The languages in which `mesosgot new` can write functions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust, with the guest library `mesosgot-sdk`.
    #[default]
    Rust,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page for each command to this folder, such as `~/.local/share/man/man1`.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Which job.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The job file, YAML or JSON.
    #[arg(value_name = "JOB")]
    pub(crate) job: PathBuf,
}

/// Where.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// The Mesos masters: `host:port` or URL, a list of these, `zk://host:port,host:port/path`,
    /// or `local` for an embedded cluster. Overrides the job file.
    #[arg(long, env = "MESOS_MASTER", value_name = "URL")]
    pub(crate) master: Option<String>,

    #[command(flatten)]
    pub(crate) access: AccessArgs,

    #[command(flatten)]
    pub(crate) embedded: EmbeddedArgs,
}

/// What an embedded cluster is made of.
#[derive(Debug, Args)]
pub(crate) struct EmbeddedArgs {
    /// How many agents the embedded cluster has. Default: one for each `--attributes`.
    #[arg(long, value_name = "N", value_parser = whole::<u16>(1..=SIMULATED_AGENTS_MAX.into()))]
    pub(crate) agents: Option<u16>,

    /// What each embedded agent offers, such as `cpus:4;mem:8192;ports:[31000-31100]`.
    #[arg(long, value_name = "RESOURCES")]
    pub(crate) resources: Option<String>,

    /// Attributes of an embedded agent, such as `rack:r1;level:2`, and its fault domain, such as
    /// `@region:eu;@zone:eu-1`. Given several times, agents have them in turn.
    #[arg(long, value_name = "ATTRIBUTES")]
    pub(crate) attributes: Vec<String>,

    /// How many masters the embedded cluster has, of which one leads. Default: one.
    #[arg(long, value_name = "N", value_parser = whole::<u16>(1..=MASTERS_MAX.into()))]
    pub(crate) masters: Option<u16>,

    /// Where in ZooKeeper the embedded masters register and elect their leader, such as
    /// `zk://localhost:2181/mesos`. Default: among themselves.
    #[arg(long, value_name = "URL")]
    pub(crate) zk: Option<String>,
}

/// What goes wrong on an embedded cluster.
#[derive(Debug, Default, Args)]
pub(crate) struct ChaosArgs {
    /// Let the embedded cluster misbehave, as planned from a seed. The profile is `disturb`, which
    /// jobs survive (the default), `kill`, which ends tasks, or `all`.
    #[arg(long, value_name = "SEED[:PROFILE]")]
    pub(crate) chaos: Option<Chaos>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) embedded: EmbeddedArgs,

    #[command(flatten)]
    pub(crate) chaos: ChaosArgs,

    /// The port of the first master; others have those that follow. Default: free ones.
    #[arg(long, value_name = "PORT", value_parser = whole::<u16>(1..=u16::MAX.into()))]
    pub(crate) port: Option<u16>,

    /// The JSON file with the principals and secrets of those who may speak to masters and agents.
    /// Default: everybody may.
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,

    /// Let whoever asks make faults: `GET /faults` of the master lists them, `POST /faults` makes
    /// one.
    #[arg(long)]
    pub(crate) faults: bool,

    /// The directory for sandboxes, which stays. Default: a temporary one, which does not.
    #[arg(long, value_name = "DIR", conflicts_with = "simulated")]
    pub(crate) work_dir: Option<PathBuf>,

    /// Start no executors: each task runs at once and until it is killed. Then there can be
    /// thousands of agents, to try schedulers on.
    #[arg(long)]
    pub(crate) simulated: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,

    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,

    /// How long to listen to offers while the gang does not fit, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = whole::<u64>(1..=3600))]
    pub(crate) listen: u64,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,

    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,

    #[command(flatten)]
    pub(crate) chaos: ChaosArgs,

    #[command(flatten)]
    pub(crate) dashboard: DashboardArgs,

    /// Arguments for the app scheduler, after those of the job file.
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

/// Who may look at the job with a browser.
#[derive(Debug, Default, Args)]
pub(crate) struct DashboardArgs {
    /// Serve the dashboard, on loopback unless an address is given.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1:0", value_parser = listen_address)]
    pub(crate) dashboard: Option<SocketAddr>,

    /// The file with the token that is to open the dashboard; or the variable
    /// `MESOSGOT_DASHBOARD_TOKEN` holds it. Default: a new one for each run.
    #[arg(long, value_name = "FILE", requires = "dashboard")]
    pub(crate) dashboard_token_file: Option<PathBuf>,

    /// Answer under this name as well, which a proxy in front of the dashboard has; can be repeated.
    #[arg(long, value_name = "NAME", requires = "dashboard", value_parser = host_name)]
    pub(crate) dashboard_host: Vec<String>,
}

/// A name without a port.
fn host_name(text: &str) -> Result<String, String> {
    match text.parse::<job::Advertise>() {
        Ok(job::Advertise { host, port: None }) => Ok(host),
        Ok(_) => Err("it has a port; any is right".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What is shown to masters. Each overrides the job file.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Masters that ask who we are")]
pub(crate) struct AccessArgs {
    /// Who we are to the master.
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,

    /// The file with the principal's secret; or the variable `MESOSGOT_SECRET` holds it.
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    pub(crate) secret_file: Option<PathBuf>,

    /// The file with a bearer token; or the variable `MESOSGOT_TOKEN` holds it.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// The authorities (PEM) to trust with `https://`, in place of those of the system.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Our certificate (PEM) for masters that ask for one.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate_file: Option<PathBuf>,

    /// The certificate's key (PEM), if it is not in the same file.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_two_dashes_belongs_to_the_app_scheduler() {
        let cli = Cli::parse_from(["mesosgot", "run", "a.yaml", "--", "--seconds", "10"]);
        let Command::Run(run) = cli.command else {
            panic!("not `run`: {:?}", cli.command)
        };
        assert_eq!(run.job.job, PathBuf::from("a.yaml"));
        assert_eq!(run.args, ["--seconds", "10"]);
    }
}
