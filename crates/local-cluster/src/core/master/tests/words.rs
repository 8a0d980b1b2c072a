//! What the words of scripts stand for.

use super::*;

impl Test {
    pub(super) fn register(&mut self, index: &str, resources: &str) {
        let info = v1::AgentInfo {
            hostname: "localhost".to_owned(),
            port: Some(5051),
            resources: Resources::parse(resources).expect("resources").to_wire(),
            ..Default::default()
        };
        let known = self.master.agents.get(&agent(index));
        let id = known.map(|known| known.id().clone());
        let message = ToMaster::Register {
            agent: v1::AgentInfo {
                id: id.map(Into::into),
                ..info
            },
            checkpointed: None,
            frameworks: vec![],
            executors: vec![],
            tasks: vec![],
            shown: vec![],
        };
        self.handle(Input::Agent {
            agent: agent(index),
            message,
        });
    }

    pub(super) fn register_again(&mut self, words: &[&str]) {
        let index = agent(words[0]);
        let mut frameworks = Vec::new();
        let mut executors = Vec::new();
        let mut tasks = Vec::new();
        let mut shown = Vec::new();
        if let Some(name) = words.get(2) {
            let framework_id = self.framework(name);
            frameworks.push(v1::FrameworkInfo {
                id: Some(framework_id.clone().into()),
                name: (*name).to_owned(),
                ..Default::default()
            });
            for words in words[3..].chunks_exact(4) {
                let info = allocated_task(words[0], words[2], words[3]);
                executors.extend(info.executor.clone().map(|it| (framework_id.clone(), it)));
                let state = v1::TaskState::from_str_name(words[1]).expect("a state");
                shown.push(shown_task(&framework_id, &info, state));
                tasks.push((framework_id.clone(), info, state));
            }
        }
        let id = self.agent_ids.get(&index).cloned();
        let agent = v1::AgentInfo {
            id: id.map(Into::into),
            hostname: "localhost".to_owned(),
            port: Some(5051),
            resources: Resources::parse(words[1]).expect("resources").to_wire(),
            ..Default::default()
        };
        let message = ToMaster::Register {
            agent,
            checkpointed: self.checkpointed.get(&index).cloned(),
            frameworks,
            executors,
            tasks,
            shown,
        };
        self.handle(Input::Agent {
            agent: index,
            message,
        });
    }

    pub(super) fn fail_over(&mut self) {
        let registry = self.registry.clone();
        let config = config(self.start, "N", Duration::from_secs(1), registry);
        self.master = Master::new(self.now, config);
        for scheduler in self.schedulers.values_mut() {
            scheduler.stream = None;
        }
    }

    pub(super) fn subscribe(&mut self, name: &str, rest: &str) {
        let again = rest.contains(" again");
        let mut info = json!({
            "user": "root", "name": name, "roles": ["rec"], "failover_timeout": 3600.0,
            "capabilities": [
                {"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"},
                {"type": "PARTITION_AWARE"},
            ],
        });
        let given = rest.find('{').map_or("{}", |start| &rest[start..]);
        let given: BTreeMap<String, Value> = serde_json::from_str(given).expect("JSON");
        for (field, value) in given {
            info[field] = value;
        }
        let suppressed = info["suppressed_roles"].take();
        let constraints = info["offer_constraints"].take();
        let scheduler = self.schedulers.entry(name.to_owned()).or_default();
        if again {
            info["id"] = json!({"value": scheduler.id});
        }
        let mut call = json!({
            "type": "SUBSCRIBE",
            "subscribe": {
                "framework_info": info, "suppressed_roles": suppressed,
                "offer_constraints": constraints,
            },
        });
        call["framework_id"] = call["subscribe"]["framework_info"]["id"].clone();
        let call = parse(&call);
        let request = self.next_request();
        self.master.handle(
            self.now,
            Input::Call {
                request,
                call: Box::new(call),
                headers: CallHeaders {
                    principal: self.principal.clone(),
                    ..CallHeaders::default()
                },
            },
        );
        self.drain(Some(name));
    }

    pub(super) fn call(&mut self, name: &str, mut call: Value) {
        let scheduler = &self.schedulers[name];
        call["framework_id"] = json!({"value": scheduler.id});
        let headers = CallHeaders {
            principal: self.principal.clone(),
            stream_id: scheduler.stream_id.clone(),
            accepts_nothing: false,
        };
        let call = Box::new(parse(&call));
        let request = self.next_request();
        self.handle(Input::Call {
            request,
            call,
            headers,
        });
    }

    pub(super) fn acknowledge_operation(&mut self, name: &str, operation: &str) {
        let uuid = self.operation_uuid.clone().expect("a status with a uuid");
        let call = json!({
            "type": "ACKNOWLEDGE_OPERATION_STATUS",
            "acknowledge_operation_status": {
                "agent_id": {"value": "M-S0"}, "operation_id": {"value": operation},
                "uuid": BASE64.encode(uuid),
            },
        });
        self.call(name, call);
    }

    pub(super) fn update(&mut self, words: &[&str]) {
        let state = |word: &str| v1::TaskState::from_str_name(word).expect("a state");
        let latest = words.get(4).unwrap_or(&words[3]);
        let uuid = match words.get(5) {
            Some(uuid) => BASE64.decode(uuid).expect("base64").into(),
            None => Bytes::copy_from_slice(words[3].as_bytes()),
        };
        let status = v1::TaskStatus {
            task_id: v1::TaskId {
                value: words[2].to_owned(),
            },
            state: state(words[3]).into(),
            source: Some(Source::Executor.into()),
            agent_id: Some(v1::AgentId {
                value: format!("M-S{}", words[0]),
            }),
            timestamp: Some(1.0),
            uuid: Some(uuid),
            healthy: Some(true),
            ..Default::default()
        };
        let message = ToMaster::StatusUpdate {
            framework_id: self.framework(words[1]),
            status,
            latest_state: state(latest),
        };
        self.handle(Input::Agent {
            agent: agent(words[0]),
            message,
        });
    }
}

/// What an agent keeps of a task: it has been in its state for a while.
pub(super) fn shown_task(id: &FrameworkId, info: &v1::TaskInfo, state: v1::TaskState) -> v1::Task {
    let executor = info.executor.as_ref().map(|it| (&it.executor_id).into());
    let executor = executor.unwrap_or_else(|| ExecutorId::from("own"));
    let agent_id = (&info.agent_id).into();
    let status = v1::TaskStatus {
        task_id: info.task_id.clone(),
        state: state.into(),
        message: Some("before".to_owned()),
        source: Some(Source::Executor.into()),
        ..Default::default()
    };
    v1::Task {
        state: state.into(),
        statuses: vec![status],
        ..history::launched(info, id, &executor, &agent_id)
    }
}

/// A task as its agent knows it.
pub(super) fn allocated_task(task: &str, resources: &str, executor: &str) -> v1::TaskInfo {
    let words = ["", "", task, resources, executor];
    let mut call = launch_call(&words);
    call["framework_id"] = json!({"value": "any"});
    let accept = parse(&call).accept.expect("a body");
    let launch = accept.operations.into_iter().find_map(|it| it.launch);
    let mut info = launch.expect("a launch").task_infos.remove(0);
    let executor = info.executor.iter_mut();
    let lists = executor.map(|executor| &mut executor.resources);
    for resource in lists.chain([&mut info.resources]).flatten() {
        resource.allocation_info = Some(v1::resource::AllocationInfo {
            role: Some("rec".to_owned()),
        });
    }
    info
}

pub(super) fn agent(word: &str) -> AgentIndex {
    AgentIndex(word.parse().expect("the index of an agent"))
}

pub(super) fn parse(call: &Value) -> Call {
    codec::decode(Encoding::Json, Bytes::from(call.to_string())).expect("a call")
}

pub(super) fn resources_json(text: &str) -> Value {
    let scalars = text.split(';').map(|part| {
        let (name, amount) = part.split_once(':').expect("name:amount");
        json!({"name": name, "type": "SCALAR", "scalar": {"value": amount}})
    });
    scalars.collect()
}

/// A task on an executor of 0.1 cpus and 32 MB.
pub(super) fn task_json(task: &str, resources: &str, executor: &str) -> Value {
    json!({
        "name": task, "task_id": {"value": task}, "agent_id": {"value": "M-S0"},
        "resources": resources_json(resources),
        "executor": {
            "type": "CUSTOM", "executor_id": {"value": executor}, "command": {"value": "run"},
            "resources": resources_json("cpus:0.1;mem:32"),
        },
    })
}

/// `launch OFFERS TASK RESOURCES EXECUTOR`, taken apart.
pub(super) fn launch_call(words: &[&str]) -> Value {
    let offers: Vec<_> = words[1]
        .split(',')
        .map(|offer| json!({"value": format!("M-{offer}")}))
        .collect();
    json!({"type": "ACCEPT", "accept": {
        "offer_ids": offers,
        "operations": [{"type": "LAUNCH", "launch": {"task_infos": [
            task_json(words[2], words[3], words[4]),
        ]}}],
        "filters": {"refuse_seconds": 0},
    }})
}
