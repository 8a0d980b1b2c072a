//! From the shape of a file to its meaning: values are read, defaults filled in, rules checked.
//!
//! Every rule reports and goes on, so that all faults are told at once. What could not be read
//! stands in as its default until the end, where nothing is answered if anything was reported.

mod allow;
mod delivery;
mod failures;
mod resources;
mod serving;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::allow::Allow;
use crate::constraint::{self, Constraint, Operator};
use crate::diagnostic::Diagnostic;
use crate::file::{
    ChannelsFile, ClusterFile, DefaultsFile, GangFile, GroupFile, JobFile, LimitsFile,
    SchedulerFile, SchedulerKeys,
};
use crate::job::{
    Access, AppScheduler, CHANNEL_WINDOW, CLUSTER_TIMEOUT, COUNT, CPU_TIME_MIN, CPUS, Channels,
    Cluster, DISK, Direct, FAILOVER_TIMEOUT, GANG_HOLD, GANG_TIMEOUT, GPUS, Gang, Group, IDLE_MIN,
    Job, KILL_GRACE, KILL_GRACE_MAX, Limits, MEM, PORTS, Ports, ROLE, Scheduler, Strategy,
    TASKS_MAX,
};
use crate::master::{Master, MasterError};
use crate::module::Lookup;
use crate::names::{self, NameError};
use crate::near::nearest;
use crate::spans::Spans;
use crate::units::Size;

use failures::Failures;

/// The least memory of a task: a guest with a stack and a page or two of data.
const MEM_MIN: Size = Size::from_mebibytes(1);

/// The most messages that a channel can hold. More in flight helps nobody, and each of thousands
/// of channels may fill.
const WINDOW_MAX: u32 = 65_536;

/// The least memory of the executor: Mesos warns below it, and refuses it for task groups
/// (PROTOCOL §7).
const EXECUTOR_MEM_MIN: Size = Size::from_mebibytes(32);

/// The shortest wait for the gang: an allocator's round.
const GANG_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// The app scheduler that every job can have.
const CONSOLE: &str = "console";

/// The meaning of `file`, or all that is wrong with it.
pub(crate) fn resolve(
    file: JobFile,
    text: &str,
    spans: &Spans,
    lookup: &dyn Lookup,
) -> Result<Job, Vec<Diagnostic>> {
    let mut resolver = Resolver {
        text,
        spans,
        lookup,
        found: Vec::new(),
    };
    let name = resolver.job_name(file.job.as_deref());
    let cluster = resolver.cluster(&file.cluster);
    let scheduler = resolver.scheduler(file.scheduler);
    let gang = resolver.gang(&file.gang);
    let defaults = resolver.defaults(file.defaults);
    let groups = resolver.groups(file.tasks.map(|tasks| tasks.0), &defaults);
    let executor = resolver.executor(&file.executor);
    let channels = resolver.channels(&file.channels);
    let serve = resolver.serve(&file.serve, &channels);
    let modules = resolver.delivery(file.modules.as_deref(), &groups);
    let view = resolver.view(file.view.as_deref());
    match (name, scheduler) {
        (Some(name), Some(scheduler)) if resolver.found.is_empty() => Ok(Job {
            name,
            cluster,
            scheduler,
            gang,
            groups,
            executor,
            channels,
            serve,
            modules,
            view,
        }),
        _ => Err(resolver.found),
    }
}

struct Resolver<'a> {
    text: &'a str,
    spans: &'a Spans,
    lookup: &'a dyn Lookup,
    found: Vec<Diagnostic>,
}

/// What groups have that do not say otherwise.
struct Defaults {
    cpus: f64,
    mem: Size,
    disk: Size,
    gpus: u32,
    ports: Ports,
    resources: BTreeMap<String, f64>,
    env: BTreeMap<String, String>,
    failures: Failures,
    kill_grace: Duration,
    limits: Limits,
    allow: Allow,
    constraints: Vec<Constraint>,
}

/// The sections of the file.
impl Resolver<'_> {
    fn job_name(&mut self, name: Option<&str>) -> Option<String> {
        let Some(name) = name else {
            self.missing(&[], "the job has no name", "write `job: NAME` at the top");
            return None;
        };
        if let Err(error) = names::check(name) {
            let message = format!("`{name}` cannot be a name: {error}");
            self.wrong_value(&["job"], &message, Some(NameError::HELP));
            return None;
        }
        Some(name.to_owned())
    }

    fn cluster(&mut self, file: &ClusterFile) -> Cluster {
        let master = file.master.as_deref().map_or(Ok(Master::Local), str::parse);
        let master = master.unwrap_or_else(|error| {
            self.wrong_value(&["cluster", "master"], &error, Some(MasterError::HELP));
            Master::Local
        });
        let role = file.role.as_deref().unwrap_or(ROLE);
        if !names::is_role(role) {
            self.wrong_value(
                &["cluster", "role"],
                &format!("`{role}` is not a role of Mesos"),
                Some("a role is `*`, or a name, or names with `/` between"),
            );
        }
        if let Some(user) = &file.user
            && !names::is_user(user)
        {
            self.wrong_value(
                &["cluster", "user"],
                &format!("`{user}` is not the name of a user"),
                Some("leave it out for the user who runs `mesosgot`"),
            );
        }
        let failover_timeout = self.duration(
            &["cluster", "failover_timeout"],
            file.failover_timeout.as_deref(),
            FAILOVER_TIMEOUT,
            Duration::ZERO..=Duration::MAX,
        );
        let timeout = self.duration(
            &["cluster", "timeout"],
            file.timeout.as_deref(),
            CLUSTER_TIMEOUT,
            Duration::ZERO..=Duration::MAX,
        );
        let checkpoint = self.choice(
            &["cluster", "checkpoint"],
            file.checkpoint.as_deref(),
            true,
            &[("true", true), ("false", false)],
        );
        Cluster {
            master,
            role: role.to_owned(),
            access: self.access(file),
            user: file.user.clone(),
            failover_timeout,
            checkpoint,
            timeout,
        }
    }

    fn access(&mut self, file: &ClusterFile) -> Access {
        let is_empty = |text: &Option<String>| text.as_deref().is_some_and(str::is_empty);
        let keys = [
            ("principal", &file.principal),
            ("secret_file", &file.secret_file),
            ("token_file", &file.token_file),
            ("ca_file", &file.ca_file),
            ("certificate_file", &file.certificate_file),
            ("key_file", &file.key_file),
        ];
        for (key, _) in keys.into_iter().filter(|(_, text)| is_empty(text)) {
            let message = format!("`{key}` is empty");
            self.wrong_value(
                &["cluster", key],
                &message,
                Some("remove it, or fill it in"),
            );
        }
        let path = |text: &Option<String>| text.as_ref().map(PathBuf::from);
        Access {
            principal: file.principal.clone(),
            secret_file: path(&file.secret_file),
            token_file: path(&file.token_file),
            ca_file: path(&file.ca_file),
            certificate_file: path(&file.certificate_file),
            key_file: path(&file.key_file),
        }
    }

    fn scheduler(&mut self, file: Option<SchedulerFile>) -> Option<AppScheduler> {
        match file {
            Some(SchedulerFile::Keys(keys)) => self.guest_scheduler(keys).map(AppScheduler::Guest),
            Some(SchedulerFile::Name(name)) if name == CONSOLE => Some(AppScheduler::Console),
            Some(SchedulerFile::Name(name)) => {
                let help = match nearest(&name, [CONSOLE]) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "write `scheduler: {{ module: {name} }}` for a module, or `scheduler: \
                         {CONSOLE}` to see messages and send them by hand"
                    ),
                };
                let message = format!("`{name}` is no app scheduler");
                self.wrong_value(&["scheduler"], &message, Some(&help));
                None
            }
            None => {
                let help = format!(
                    "write `scheduler: {{ module: PATH }}`, or `scheduler: {CONSOLE}` to see \
                     messages and send them by hand"
                );
                self.missing(&["scheduler"], "the job has no app scheduler", &help);
                None
            }
        }
    }

    fn guest_scheduler(&mut self, file: SchedulerKeys) -> Option<Scheduler> {
        self.env(&["scheduler", "env"], &file.env);
        let module = self.module(&["scheduler"], "the app scheduler", file.module.as_deref())?;
        Some(Scheduler {
            module,
            args: file.args,
            env: file.env,
        })
    }

    fn gang(&mut self, file: &GangFile) -> Gang {
        let any = Duration::ZERO..=Duration::MAX;
        let timeout = self.duration(
            &["gang", "timeout"],
            file.timeout.as_deref(),
            GANG_TIMEOUT,
            GANG_TIMEOUT_MIN..=Duration::MAX,
        );
        let hold = self.duration(&["gang", "hold"], file.hold.as_deref(), GANG_HOLD, any);
        let strategies = [("pack", Strategy::Pack), ("spread", Strategy::Spread)];
        let strategy = file.strategy.as_deref();
        Gang {
            timeout,
            hold,
            strategy: self.choice(&["gang", "strategy"], strategy, Strategy::Pack, &strategies),
        }
    }

    fn defaults(&mut self, file: DefaultsFile) -> Defaults {
        let built_in = Defaults {
            cpus: CPUS,
            mem: MEM,
            disk: DISK,
            gpus: GPUS,
            ports: PORTS,
            resources: BTreeMap::new(),
            env: BTreeMap::new(),
            failures: Failures::built_in(),
            kill_grace: KILL_GRACE,
            limits: Limits::default(),
            allow: Allow::default(),
            constraints: Vec::new(),
        };
        let as_group = GroupFile::from(file);
        self.group_values(&["defaults"], &as_group, &built_in)
    }

    fn groups(
        &mut self,
        files: Option<Vec<(String, GroupFile)>>,
        defaults: &Defaults,
    ) -> Vec<Group> {
        let files = files.unwrap_or_default();
        if files.is_empty() {
            let help = "write `tasks: { NAME: { module: PATH, count: 1 } }`";
            self.missing(&["tasks"], "the job has no tasks", help);
        }
        let groups: Vec<Group> = files
            .into_iter()
            .filter_map(|(name, file)| self.group(name, file, defaults))
            .collect();
        let tasks: u64 = groups.iter().map(|group| u64::from(group.count)).sum();
        if tasks > u64::from(TASKS_MAX) {
            let message = format!("the job has {tasks} tasks, more than {TASKS_MAX}");
            self.report_at_key(&["tasks"], message, Some("too many"), None);
        }
        groups
    }

    fn group(&mut self, name: String, file: GroupFile, defaults: &Defaults) -> Option<Group> {
        let at: &[&str] = &["tasks", &name];
        if let Err(error) = names::check(&name) {
            let message = format!("`{name}` cannot be a name: {error}");
            self.report_at_key(at, message, None, Some(NameError::HELP));
        } else if names::looks_like_a_task(&name) {
            let message = format!("`{name}` is what a task of another group is called");
            let help = "the tasks of a group `a` are `a-0`, `a-1` and so on; choose a name that \
                        does not end in a number after `-`";
            self.report_at_key(at, message, None, Some(help));
        }
        let count = self.whole(
            &[at, &["count"]].concat(),
            file.count.as_deref(),
            COUNT,
            1..=TASKS_MAX,
        );
        let values = self.group_values(at, &file, defaults);
        let yes_no = [("true", true), ("false", false)];
        let colocate_at = [at, &["colocate"]].concat();
        let colocate = self.choice(&colocate_at, file.colocate.as_deref(), false, &yes_no);
        if colocate {
            self.colocation(at, count, &values);
        }
        let module = self.module(at, &format!("the group `{name}`"), file.module.as_deref())?;
        Some(Group {
            name,
            module,
            count,
            cpus: values.cpus,
            mem: values.mem,
            disk: values.disk,
            gpus: values.gpus,
            ports: values.ports,
            resources: values.resources,
            args: file.args,
            constraints: values.constraints,
            colocate,
            env: values.env,
            on_failure: values.failures.meant(),
            kill_grace: values.kill_grace,
            limits: values.limits,
            allow: values.allow,
        })
    }

    /// What both a group and `defaults` have.
    fn group_values(&mut self, at: &[&str], file: &GroupFile, defaults: &Defaults) -> Defaults {
        let path = |key| [at, &[key]].concat();
        self.env(&path("env"), &file.env);
        let mut env = defaults.env.clone();
        env.extend(file.env.clone());
        Defaults {
            cpus: self.cpus(&path("cpus"), file.cpus.as_deref(), defaults.cpus),
            mem: self.size(&path("mem"), file.mem.as_deref(), defaults.mem, MEM_MIN),
            disk: self.size(
                &path("disk"),
                file.disk.as_deref(),
                defaults.disk,
                Size::from_bytes(0),
            ),
            gpus: self.whole(&path("gpus"), file.gpus.as_deref(), defaults.gpus, 0..=1024),
            ports: self.ports(&path("ports"), file.ports.as_ref(), &defaults.ports),
            resources: self.resources(&path("resources"), &file.resources, &defaults.resources),
            env,
            failures: self.failures(at, file, &defaults.failures),
            kill_grace: self.duration(
                &path("kill_grace"),
                file.kill_grace.as_deref(),
                defaults.kill_grace,
                Duration::ZERO..=KILL_GRACE_MAX,
            ),
            limits: self.limits(&path("limits"), file.limits.as_ref(), defaults.limits),
            allow: self.allow(&path("allow"), file.allow.as_ref(), &defaults.allow),
            constraints: match &file.constraints {
                Some(texts) => self.constraints(&path("constraints"), texts),
                None => defaults.constraints.clone(),
            },
        }
    }

    fn limits(&mut self, at: &[&str], file: Option<&LimitsFile>, defaults: Limits) -> Limits {
        let Some(file) = file else { return defaults };
        let mut limit = |key, text: Option<&str>, default, least| match text {
            None => default,
            Some(_) => {
                let at = [at, &[key]].concat();
                Some(self.duration(&at, text, least, least..=Duration::MAX))
            }
        };
        Limits {
            cpu_time: limit(
                "cpu_time",
                file.cpu_time.as_deref(),
                defaults.cpu_time,
                CPU_TIME_MIN,
            ),
            idle: limit("idle", file.idle.as_deref(), defaults.idle, IDLE_MIN),
        }
    }

    fn constraints(&mut self, at: &[&str], texts: &[String]) -> Vec<Constraint> {
        let mut constraints = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            match constraint::parse(text) {
                Ok(constraint) => constraints.push(constraint),
                Err(error) => {
                    let number = number.to_string();
                    let at = [at, &[number.as_str()]].concat();
                    self.wrong_value(&at, &error, Some(&error.help()));
                }
            }
        }
        constraints
    }

    /// Tasks that are together are on one value of everything, so some constraints cannot hold.
    fn colocation(&mut self, at: &[&str], count: u32, values: &Defaults) {
        let colocate = [at, &["colocate"]].concat();
        if let Ports::These(ports) = &values.ports
            && let Some(port) = ports.first()
            && count > 1
        {
            let message = format!("{count} tasks cannot be on one agent and all have port {port}");
            let help = "ask for a number of ports, not for this one";
            self.wrong_value(&colocate, &message, Some(help));
        }
        for constraint in &values.constraints {
            let (word, most) = match constraint.operator {
                Operator::Unique => ("unique", 1),
                Operator::MaxPer(most) => ("max-per", most),
                Operator::GroupBy(values) if values > 1 => ("group-by", 1),
                Operator::GroupBy(_)
                | Operator::Is(_)
                | Operator::Like(_)
                | Operator::Unlike(_) => {
                    continue;
                }
            };
            if count > most {
                let field = &constraint.field;
                let message = format!(
                    "{count} tasks cannot be on one agent and apart by `{field} {word}` at once"
                );
                let help = "leave one of both out";
                self.wrong_value(&colocate, &message, Some(help));
            }
        }
    }

    fn channels(&mut self, file: &ChannelsFile) -> Channels {
        let window = file.window.as_deref();
        let directs = [
            ("auto", Direct::Auto),
            ("required", Direct::Required),
            ("off", Direct::Off),
        ];
        let direct = file.direct.as_deref();
        Channels {
            window: self.whole(
                &["channels", "window"],
                window,
                CHANNEL_WINDOW,
                1..=WINDOW_MAX,
            ),
            direct: self.choice(&["channels", "direct"], direct, Direct::Auto, &directs),
            advertise: self.advertise("channels", file.advertise.as_deref()),
            listen: self.listen("channels", file.listen.as_deref()),
            tls: self.tls("channels", file.tls.as_deref()),
        }
    }
}
