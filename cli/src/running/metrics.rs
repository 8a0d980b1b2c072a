//! Figures of a running job for Prometheus, in the text format of OpenMetrics. `docs/metrics.md`
//! lists the names, which stay as they are.
//!
//! A job may have 10,000 tasks, so nothing is told by task: `status` does that.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;

use framework::TotalTraffic;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::status::{Phase, Status};

/// The type of what [`render`] makes.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How many labels tell metrics apart.
type Labels = Vec<(&'static str, String)>;

type Amount = Gauge<f64, AtomicU64>;
type Amounts = Family<Labels, Amount>;
type Count = Counter<u64>;
type Counts = Family<Labels, Count>;

/// Sums over the tasks of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct GroupFigures {
    pub(super) restarts: u64,
    pub(super) memory_bytes: u64,
    pub(super) cpu_seconds: f64,
}

/// All metrics as text. At the tasks of the status nobody looks.
///
/// # Errors
/// None that come from what is known of the job.
pub(super) fn render(
    status: &Status,
    groups: &BTreeMap<&str, GroupFigures>,
    total: &TotalTraffic,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("mesosgot");
    job(&mut registry, status);
    tasks(&mut registry, status, groups);
    channels(&mut registry, total);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn job(registry: &mut Registry, status: &Status) {
    let info = Amounts::default();
    let mut labels = vec![("job", status.id.job.clone())];
    labels.extend(status.framework_id.clone().map(|id| ("framework_id", id)));
    info.get_or_create(&labels).set(1.0);
    registry.register("job_info", "The job that this process runs; always 1", info);

    let phases = Amounts::default();
    for phase in Phase::ALL {
        let labels = vec![("phase", phase.word().to_owned())];
        let is_in = f64::from(u8::from(phase == status.phase));
        phases.get_or_create(&labels).set(is_in);
    }
    let help = "How far the job is: 1 for its phase, 0 for the others";
    registry.register("job_phase", help, phases);

    let uptime = Amount::default();
    uptime.set(status.uptime_seconds);
    let help = "How long the job has run";
    registry.register_with_unit("job_uptime", help, Unit::Seconds, uptime);

    let connected = Amount::default();
    let is_connected = status.framework_id.is_some() && status.disconnected.is_none();
    connected.set(f64::from(u8::from(is_connected)));
    let help = "Whether there is a subscription at a master";
    registry.register("master_connected", help, connected);

    let agents = Amount::default();
    agents.set(amount(status.agents.len() as u64));
    let help = "Agents that have tasks of the job";
    registry.register("agents", help, agents);
}

fn tasks(registry: &mut Registry, status: &Status, groups: &BTreeMap<&str, GroupFigures>) {
    let (wanted, states) = (Amounts::default(), Amounts::default());
    for group in &status.groups {
        let name = ("group", group.group.clone());
        let size = wanted.get_or_create(&vec![name.clone()]);
        size.set(f64::from(group.count));
        drop(size);
        for (state, count) in &group.states {
            let labels = vec![name.clone(), ("state", state.clone())];
            states.get_or_create(&labels).set(amount(*count as u64));
        }
    }
    registry.register("tasks_wanted", "Tasks that the job file asks for", wanted);
    registry.register("tasks", "Tasks by their Mesos state", states);

    let (restarts, memory, cpu) = (Counts::default(), Amounts::default(), Amounts::default());
    for (name, group) in groups {
        let labels = vec![("group", (*name).to_owned())];
        restarts.get_or_create(&labels).inc_by(group.restarts);
        memory
            .get_or_create(&labels)
            .set(amount(group.memory_bytes));
        cpu.get_or_create(&labels).set(group.cpu_seconds);
    }
    let help = "How often tasks were launched again";
    registry.register("task_restarts", help, restarts);
    let help = "Linear memory of tasks, as their executors told it last";
    registry.register_with_unit("task_memory", help, Unit::Bytes, memory);
    // Of the lives that are known: it begins anew with a restart, so it is no counter.
    let help = "Processor time of tasks in their present lives, as their executors told it last";
    registry.register_with_unit("task_cpu", help, Unit::Seconds, cpu);
}

fn channels(registry: &mut Registry, total: &TotalTraffic) {
    let by_direction = |sent: u64, received: u64| {
        let counts = Counts::default();
        for (direction, count) in [("to_tasks", sent), ("from_tasks", received)] {
            let labels = vec![("direction", direction.to_owned())];
            counts.get_or_create(&labels).inc_by(count);
        }
        counts
    };
    let count = |count: u64| {
        let counter = Count::default();
        counter.inc_by(count);
        counter
    };
    registry.register(
        "channel_messages",
        "Messages that the app scheduler sent and received",
        by_direction(total.messages_sent, total.messages_received),
    );
    registry.register_with_unit(
        "channel",
        "Bytes of these messages",
        Unit::Bytes,
        by_direction(total.bytes_sent, total.bytes_received),
    );
    registry.register(
        "channel_stalls",
        "How often the app scheduler found a channel full",
        count(total.stalls),
    );
    registry.register(
        "link_frames",
        "Frames sent to executors, acknowledgements among them",
        count(total.frames_sent),
    );
    registry.register(
        "link_frames_resent",
        "Those of them that nobody acknowledged in time, so that they were sent again",
        count(total.frames_resent),
    );
    registry.register(
        "link_moves",
        "How often a link changed its path or its connection",
        count(total.moves),
    );
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nothing that is counted here comes near 2^53"
)]
fn amount(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use expect_test::expect;

    use super::*;
    use crate::running::status::{ChannelTotals, Forgotten, GroupStatus, JobId};

    fn status() -> Status {
        Status {
            id: JobId {
                job: "elevator".to_owned(),
                pid: 7,
            },
            phase: Phase::Running,
            reason: None,
            disconnected: None,
            framework_id: Some("f-0000".to_owned()),
            started: String::new(),
            uptime_seconds: 12.5,
            groups: vec![GroupStatus {
                group: "lift".to_owned(),
                count: 4,
                states: [("TASK_RUNNING".to_owned(), 2)].into(),
            }],
            agents: Vec::new(),
            tasks: Vec::new(),
            channels: ChannelTotals::default(),
            delivering: None,
            forgotten: Forgotten::default(),
        }
    }

    fn text() -> String {
        let total = TotalTraffic {
            messages_sent: 3,
            bytes_received: 50,
            ..TotalTraffic::default()
        };
        let lift = GroupFigures {
            restarts: 3,
            memory_bytes: 2 << 20,
            cpu_seconds: 0.5,
        };
        render(&status(), &[("lift", lift)].into(), &total).unwrap()
    }

    #[test]
    fn figures_are_told_in_the_text_format() {
        let text = text();
        let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        // Families are in no order.
        lines.sort_unstable();
        expect![[r#"
            mesosgot_agents 0.0
            mesosgot_channel_bytes_total{direction="from_tasks"} 50
            mesosgot_channel_bytes_total{direction="to_tasks"} 0
            mesosgot_channel_messages_total{direction="from_tasks"} 0
            mesosgot_channel_messages_total{direction="to_tasks"} 3
            mesosgot_channel_stalls_total 0
            mesosgot_job_info{job="elevator",framework_id="f-0000"} 1.0
            mesosgot_job_phase{phase="launching"} 0.0
            mesosgot_job_phase{phase="running"} 1.0
            mesosgot_job_phase{phase="stopping"} 0.0
            mesosgot_job_phase{phase="subscribing"} 0.0
            mesosgot_job_phase{phase="waiting"} 0.0
            mesosgot_job_uptime_seconds 12.5
            mesosgot_link_frames_resent_total 0
            mesosgot_link_frames_total 0
            mesosgot_link_moves_total 0
            mesosgot_master_connected 1.0
            mesosgot_task_cpu_seconds{group="lift"} 0.5
            mesosgot_task_memory_bytes{group="lift"} 2097152.0
            mesosgot_task_restarts_total{group="lift"} 3
            mesosgot_tasks_wanted{group="lift"} 4.0
            mesosgot_tasks{group="lift",state="TASK_RUNNING"} 2.0
        "#]]
        .assert_eq(&(lines.join("\n") + "\n"));
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn all_figures_are_in_the_documentation() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
        let page = fs::read_to_string(page).unwrap();
        for line in text().lines() {
            let Some(rest) = line.strip_prefix("# TYPE ") else {
                continue;
            };
            let (name, kind) = rest.split_once(' ').unwrap();
            let name = match kind {
                "counter" => format!("{name}_total"),
                _ => name.to_owned(),
            };
            let row = format!("| `{name}` | {kind} |");
            assert!(page.contains(&row), "docs/metrics.md lacks {row}");
        }
    }
}
