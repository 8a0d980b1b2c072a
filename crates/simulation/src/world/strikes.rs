//! Faults of a moment.

use std::time::Duration;

use mesos::ExecutorId;
use scheduler::Stop;

use super::World;
use crate::net::Happening;
use crate::profile::Fault;

/// An agent is unreachable after so long a silence (PROTOCOL §11.1).
const SILENCE_MAX: Duration = Duration::from_secs(75);

/// Within this time agents find another master (PROTOCOL §11.2).
const REGISTRATION_MAX: Duration = Duration::from_secs(60);

/// How long what is told of a fault may be on its way.
const NEWS_TIME: Duration = Duration::from_secs(20);

impl World {
    /// Decides what happens when.
    pub(super) fn plan_strikes(&mut self) {
        let net = &mut self.net;
        for fault in Fault::OF_A_MOMENT {
            if !net.weather.has(fault) {
                continue;
            }
            for _ in 0..net.weather.each {
                let at = net.some_time(net.weather.storm);
                net.later(at, Happening::Strike(fault));
            }
        }
        if net.weather.has(Fault::Stop) {
            let stop = match net.chance.u32(0..3) {
                0 => Stop::Now,
                _ => Stop::Graceful,
            };
            let at = net.some_time(Duration::from_secs(600));
            net.later(at, Happening::StopJob(stop));
        }
    }

    pub(super) fn strike(&mut self, fault: Fault) {
        if self.net.checker.is_finished() {
            return;
        }
        self.net.note(|| format!("*** {fault:?}"));
        self.net.happened.strikes += 1;
        self.net.trouble(NEWS_TIME);
        let agent = self.net.chance.usize(0..self.agents.len());
        match fault {
            Fault::StreamCut => self.cut_stream(),
            Fault::MasterFailover => self.fail_over(),
            Fault::Partition => {
                let time = self.net.some_time(Duration::from_secs(180));
                self.silence_agent(agent, time);
            }
            Fault::AgentRestart => self.restart_agent(agent),
            Fault::AgentCrash => self.crash_agent(agent),
            Fault::AgentRemoved => {
                let by_operator = self.net.chance.bool();
                self.kill_executors_of(agent);
                self.agents[agent].stop();
                self.master.remove_agent(&mut self.net, agent, by_operator);
            }
            Fault::ExecutorDeath => {
                if let Some(executor) = self.any_executor() {
                    self.end_executor(&executor, 9);
                }
            }
            Fault::ExecutorStreamCut => {
                if let Some(executor) = self.any_executor() {
                    let notices = self.net.some_time(Duration::from_secs(30));
                    self.cut_executor(executor, notices);
                }
            }
            Fault::BadFrame => {
                if let Some(executor) = self.any_executor() {
                    self.shell.hear_nonsense(&mut self.net, &executor);
                }
            }
            Fault::Rescind => self.master.rescind(&mut self.net, None),
            Fault::FrameworkRemoved => self.master.remove_framework(&mut self.net),
            // The others befall messages, guests and jobs.
            _ => {}
        }
    }

    fn any_executor(&mut self) -> Option<ExecutorId> {
        let count = self.executors.len();
        let nth = self.net.chance.usize(0..count.max(1));
        self.executors.keys().nth(nth).cloned()
    }

    fn cut_stream(&mut self) {
        let Some(stream) = self.master.stream() else {
            return;
        };
        self.cut.insert(stream);
        let net = &mut self.net;
        let master = net.some_time(Duration::from_secs(5));
        net.later(master, Happening::StreamLost { stream });
        // At once, or without a word until heartbeats are missed.
        let scheduler = match net.chance.bool() {
            true => net.some_time(Duration::from_secs(1)),
            false => net.some_time(Duration::from_secs(75)),
        };
        net.trouble(scheduler + NEWS_TIME);
        net.later(scheduler, Happening::StreamEnds { stream });
    }

    fn fail_over(&mut self) {
        let net = &mut self.net;
        if !self.master.die(net) {
            return;
        }
        let down = net.some_time(Duration::from_secs(30));
        net.later(down, Happening::MasterUp);
        net.trouble(down + REGISTRATION_MAX + NEWS_TIME);
    }

    /// There is a master again; agents that are not away come back one after the other.
    pub(super) fn rise(&mut self) {
        let net = &mut self.net;
        self.master.rise(net);
        for (index, agent) in self.agents.iter_mut().enumerate() {
            if agent.link().is_some() {
                agent.disconnect();
                let back = net.some_time(REGISTRATION_MAX);
                let link = agent.link_number();
                net.later(back, Happening::Register { agent: index, link });
            }
        }
    }

    /// Master and agent do not reach each other for a time.
    fn silence_agent(&mut self, index: usize, time: Duration) {
        let Some(link) = self.agents[index].link() else {
            return;
        };
        self.break_link(index, link);
        let back = Happening::Register {
            agent: index,
            link: self.agents[index].link_number(),
        };
        self.net.later(time, back);
        self.net.trouble(time + NEWS_TIME);
    }

    /// What is between master and agent is lost; the master notices at once or by the silence.
    fn break_link(&mut self, index: usize, link: u64) {
        self.agents[index].disconnect();
        if self.net.chance.bool() {
            self.master.disconnect(&mut self.net, index, link);
        }
        let silent = Happening::AgentSilent { agent: index, link };
        self.net.later(SILENCE_MAX, silent);
        self.net.trouble(SILENCE_MAX + NEWS_TIME);
    }

    /// The agent's process is away for a moment. It waits for its executors before it registers
    /// (PROTOCOL §9.5).
    fn restart_agent(&mut self, index: usize) {
        let Some(link) = self.agents[index].link() else {
            return;
        };
        self.break_link(index, link);
        self.agents[index].stop();
        let away = self.net.some_time(Duration::from_secs(3));
        self.net.later(away, Happening::AgentBack { agent: index });
        let window = Duration::from_secs(2);
        for executor in self.executors_of(index) {
            let back = away + self.net.some_time(window);
            self.cut_executor(executor, back);
        }
        let registers = Happening::Register {
            agent: index,
            link: self.agents[index].link_number(),
        };
        self.net.later(away + window, registers);
    }

    fn cut_executor(&mut self, executor: ExecutorId, notices: Duration) {
        if let Some(process) = self.executors.get_mut(&executor) {
            process.cut();
            self.net.trouble(notices + NEWS_TIME);
            self.net.later(notices, Happening::Resubscribe { executor });
        }
    }

    fn executors_of(&self, index: usize) -> Vec<ExecutorId> {
        let executors = self.executors.iter();
        let on_agent = executors.filter(|(_, process)| process.agent() == index);
        on_agent.map(|(id, _)| id.clone()).collect()
    }

    fn kill_executors_of(&mut self, index: usize) {
        for executor in self.executors_of(index) {
            self.remove_executor(&executor);
        }
    }

    /// The machine of an agent dies, and comes back as it was, as another, or not at all.
    fn crash_agent(&mut self, index: usize) {
        let Some(link) = self.agents[index].link() else {
            return;
        };
        self.kill_executors_of(index);
        self.break_link(index, link);
        self.agents[index].stop();
        let comes_back = self.net.chance.u32(0..3);
        if comes_back == 0 {
            return;
        }
        if comes_back == 1 {
            let id = self.fresh_agent_id(index);
            self.agents[index].forget(id);
        }
        let away = self.net.some_time(Duration::from_secs(150));
        self.net.trouble(away + NEWS_TIME);
        self.net.later(away, Happening::AgentBack { agent: index });
        let registers = Happening::Register {
            agent: index,
            link: self.agents[index].link_number(),
        };
        self.net.later(away, registers);
    }

    /// The process of an agent is there again, and looks for its executors.
    pub(super) fn agent_back(&mut self, index: usize) {
        let executors = &self.executors;
        let agent = &mut self.agents[index];
        agent.recover(&mut self.net, |executor| executors.contains_key(executor));
    }
}
