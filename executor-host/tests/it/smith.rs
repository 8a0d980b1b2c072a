//! Random modules: whatever they contain, they end, and the host goes on.
//!
//! Each is a core module by `wasm-smith` within a component that is a task: it is compiled,
//! instantiated with its data, elements and start function, and its exported functions are called,
//! with the limits that every task has. What they answer is given to functions of the host. `MESOSGOT_SEED=n` tries one again, `MESOSGOT_SEEDS=n`
//! tries more. Should the whole process die, the seeds that it had in hand are in the files
//! `smith-*` of the folder for temporary files of the target.

use std::{
    convert::Infallible,
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
    process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use arbitrary::Unstructured;
use executor_host::{
    Allow, TaskLimits,
    inbox::TaskInbox,
    modules::{ModuleError, TaskModule},
    outcome::{Ending, Outcome},
    output::Output,
    task::{Prepared, TaskConfig},
};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, HeapType, ImportSection,
    Instruction, MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wasmparser::{CompositeInnerType, ExternalKind, Parser, Payload};

use crate::{
    components,
    hosted::{engine, links},
};

const SEEDS: u64 = 10_000;

/// Random modules are full of loops without end; each ends with the tick that finds this used up.
const CPU_TIME_MAX: Duration = Duration::from_millis(1);

/// Far above what any of them takes on a busy machine: beyond it one hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A wait of a random length ends with this.
const IDLE_MAX: Duration = Duration::from_millis(5);

/// How often it is looked whether one hangs.
const LOOKS: Duration = Duration::from_secs(1);

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what was tried is for whoever looks, with `--nocapture`"
)]
#[test]
fn no_random_module_harms_the_host() {
    let number = |name| env::var(name).ok().map(|text| text.parse().expect(name));
    let (first, last) = match number("MESOSGOT_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, number("MESOSGOT_SEEDS").unwrap_or(SEEDS)),
    };
    let next = AtomicU64::new(first);
    let kinds: Vec<AtomicU64> = Ending::ALL.iter().map(|_| AtomicU64::new(0)).collect();
    let template = Template::new();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let begun: Vec<Mutex<Option<(u64, Instant)>>> =
        (0..workers).map(|_| Mutex::default()).collect();
    let work = |worker: usize, _working: mpsc::Sender<Infallible>| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let in_hand = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("smith-{worker}"));
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return;
            }
            fs::write(&in_hand, seed.to_string()).unwrap();
            *begun[worker].lock().unwrap() = Some((seed, Instant::now()));
            let tried = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(try_one(&template, seed))
            }));
            let outcome = tried.unwrap_or_else(|panic| {
                eprintln!("MESOSGOT_SEED={seed}");
                resume_unwind(panic)
            });
            *begun[worker].lock().unwrap() = None;
            let kind = Ending::ALL.iter().position(|it| *it == outcome.ending());
            kinds[kind.unwrap()].fetch_add(1, Ordering::Relaxed);
            // A fault of the host's, or of the component around the module.
            let is_proper = !matches!(
                outcome,
                Outcome::HostFault(_) | Outcome::Refused(_) | Outcome::Exited(_)
            ) && !matches!(
                outcome,
                Outcome::Module(ModuleError::Import(_) | ModuleError::Export { .. })
            );
            assert!(is_proper, "MESOSGOT_SEED={seed}: {outcome:?}");
        }
    };
    thread::scope(|scope| {
        let (working, at_work) = mpsc::channel();
        for worker in 0..workers {
            let (work, working) = (&work, working.clone());
            scope.spawn(move || work(worker, working));
        }
        drop(working);
        // From another thread: what hangs may be the compiler, which gives way to nobody.
        while at_work.recv_timeout(LOOKS) == Err(RecvTimeoutError::Timeout) {
            for worker in &begun {
                let begun = worker.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((seed, _)) = begun.filter(|(_, begun)| begun.elapsed() > PATIENCE) {
                    eprintln!("MESOSGOT_SEED={seed}: it hangs");
                    process::exit(101);
                }
            }
        }
    });
    let told: Vec<String> = Ending::ALL
        .iter()
        .zip(&kinds)
        .map(|(ending, count)| format!("{ending:?} {}", count.load(Ordering::Relaxed)))
        .collect();
    println!("seeds {first}..{last}: {}", told.join(", "));
    // Most run, or nothing was tried.
    let ran = |ending| {
        kinds[Ending::ALL.iter().position(|it| *it == ending).unwrap()].load(Ordering::Relaxed)
    };
    if last - first >= SEEDS {
        assert!(ran(Ending::Returned) > 1000, "{told:?}");
        assert!(ran(Ending::Trapped) > 1000, "{told:?}");
        assert!(ran(Ending::BadModule) < 1000, "{told:?}");
    }
}

/// Runs the task of that seed to its end.
async fn try_one(template: &Template, seed: u64) -> Outcome {
    let component = template.task(&random_module(seed));
    let module = match TaskModule::compile(engine(), &component) {
        Ok(module) => module,
        Err(error) => return Outcome::Module(error),
    };
    let config = TaskConfig {
        name: "task-0".to_owned(),
        args: vec!["x".to_owned()],
        env: Vec::new(),
        limits: TaskLimits {
            memory_bytes_max: 1 << 20,
            cpu_time_max: Some(CPU_TIME_MAX),
            idle_max: Some(IDLE_MAX),
        },
        allow: Allow::default(),
    };
    let output = Output::new(std::io::sink(), std::io::sink());
    let (_here, there) = links();
    let (sender, receiver) = there.open("task-0").unwrap();
    let (inbox, _closer) = TaskInbox::new(receiver);
    match Prepared::new(engine(), &module, config, &output, Path::new(".")).await {
        Ok(prepared) => prepared.run(inbox, sender).await,
        Err(outcome) => outcome,
    }
}

/// A small module without imports, always the same for a seed.
fn random_module(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; 4096];
    random.fill(&mut bytes);
    let config = wasm_smith::Config {
        max_imports: 0,
        min_funcs: 1,
        max_funcs: 4,
        max_instructions: 40,
        max_memories: 2,
        // Some want more than they may have.
        max_memory32_bytes: 3 << 20,
        max_tables: 2,
        max_table_elements: 300_000,
        max_types: 10,
        max_globals: 8,
        max_data_segments: 4,
        max_element_segments: 4,
        max_elements: 20,
        export_everything: true,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        // They bring `externref`, which wasmtime has not without a garbage collector: such modules
        // are refused, and most should run.
        reference_types_enabled: seed.is_multiple_of(16),
        shared_everything_threads_enabled: false,
        threads_enabled: false,
        ..wasm_smith::Config::default()
    };
    wasm_smith::Module::new(config, &mut Unstructured::new(&bytes))
        .expect("bytes that run out are zeros")
        .to_bytes()
}

/// Functions of the host: their names, what they take and what they give.
const HOST: [(&str, &[ValType], &[ValType]); 5] = [
    ("now", &[], &[ValType::I64]),
    ("subscribe", &[ValType::I64], &[ValType::I32]),
    ("ready", &[ValType::I32], &[ValType::I32]),
    ("block", &[ValType::I32], &[]),
    ("drop", &[ValType::I32], &[]),
];

/// The places of those in [`HOST`].
const SUBSCRIBE: u32 = 1;
const OF_HANDLES: [u32; 3] = [2, 3, 4];

/// A handle is the index in a table, in which a task has few.
const HANDLES: i32 = 7;

/// The component of a task around two modules: a random one, and one that calls what it exports.
struct Template {
    before: Vec<u8>,
    between: Vec<u8>,
    after: Vec<u8>,
}

/// A section of a component with an empty core module.
const EMPTY: &[u8] = b"\x01\x08\0asm\x01\0\0\0";

impl Template {
    fn new() -> Self {
        let whole = components::task(
            r#"(import "wasi:io/poll@0.2.0" (instance $poll
                (export "pollable" (type $pollable (sub resource)))
                (export "[method]pollable.ready"
                    (func (param "self" (borrow $pollable)) (result bool)))
                (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
            (alias export $poll "pollable" (type $pollable))
            (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
                (export "pollable" (type $waits (eq $pollable)))
                (export "now" (func (result u64)))
                (export "subscribe-duration" (func (param "when" u64) (result (own $waits))))))
            (core func $now (canon lower (func $clock "now")))
            (core func $subscribe (canon lower (func $clock "subscribe-duration")))
            (core func $ready (canon lower (func $poll "[method]pollable.ready")))
            (core func $block (canon lower (func $poll "[method]pollable.block")))
            (core func $drop (canon resource.drop $pollable))
            (core instance $host
                (export "now" (func $now))
                (export "subscribe" (func $subscribe))
                (export "ready" (func $ready))
                (export "block" (func $block))
                (export "drop" (func $drop)))
            (core module)
            (core instance $random (instantiate 0))
            (core module)
            (core instance $main (instantiate 1
                (with "random" (instance $random)) (with "host" (instance $host))))"#,
        );
        let places: Vec<usize> = whole
            .windows(EMPTY.len())
            .enumerate()
            .filter_map(|(at, bytes)| (bytes == EMPTY).then_some(at))
            .collect();
        let [first, second] = places[..] else {
            panic!("two modules are left to be filled in")
        };
        Self {
            before: whole[..first].to_vec(),
            between: whole[first + EMPTY.len()..second].to_vec(),
            after: whole[second + EMPTY.len()..].to_vec(),
        }
    }

    fn task(&self, random: &[u8]) -> Vec<u8> {
        let mut component = self.before.clone();
        for (module, rest) in [(random, &self.between), (&caller(random), &self.after)] {
            component.push(1);
            leb128(module.len(), &mut component);
            component.extend_from_slice(module);
            component.extend_from_slice(rest);
        }
        component
    }
}

fn leb128(mut number: usize, bytes: &mut Vec<u8>) {
    while number >= 128 {
        bytes.push((number % 128) as u8 | 128);
        number /= 128;
    }
    bytes.push(number as u8);
}

/// A module whose function `run-task` calls all functions that `random` exports, with zeros, and
/// functions of the host with what they answer.
fn caller(random: &[u8]) -> Vec<u8> {
    let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
    let mut run = Function::new([]);
    let mut count = 0;
    for (name, params, results) in HOST {
        let (params, results) = (params.iter().copied(), results.iter().copied());
        types.ty().function(params, results);
        imports.import("host", name, wasm_encoder::EntityType::Function(count));
        count += 1;
    }
    // So that there is one to be used.
    run.instruction(&Instruction::I64Const(0));
    run.instruction(&Instruction::Call(SUBSCRIBE));
    run.instruction(&Instruction::Drop);
    for (name, params, results) in exported_functions(random) {
        types.ty().function(params.clone(), results.clone());
        imports.import("random", &name, wasm_encoder::EntityType::Function(count));
        for param in params {
            run.instruction(&zero(param));
        }
        run.instruction(&Instruction::Call(count));
        for result in results.into_iter().rev() {
            let of_handle = OF_HANDLES[count as usize % OF_HANDLES.len()];
            let called = match result {
                ValType::I64 => SUBSCRIBE,
                ValType::I32 => {
                    run.instruction(&Instruction::I32Const(HANDLES));
                    run.instruction(&Instruction::I32And);
                    of_handle
                }
                _ => {
                    run.instruction(&Instruction::Drop);
                    continue;
                }
            };
            run.instruction(&Instruction::Call(called));
            for _ in HOST[called as usize].2 {
                run.instruction(&Instruction::Drop);
            }
        }
        count += 1;
    }
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    types.ty().function([ValType::I32; 6], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(count).function(count + 1);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports
        .export("memory", ExportKind::Memory, 0)
        .export("realloc", ExportKind::Func, count)
        .export("run-task", ExportKind::Func, count + 1);
    let mut realloc = Function::new([]);
    realloc.instruction(&Instruction::I32Const(1024));
    realloc.instruction(&Instruction::End);
    run.instruction(&Instruction::I32Const(0));
    run.instruction(&Instruction::End);
    let mut code = CodeSection::new();
    code.function(&realloc).function(&run);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&memories)
        .section(&exports)
        .section(&code);
    module.finish()
}

fn zero(of: ValType) -> Instruction<'static> {
    match of {
        ValType::I32 => Instruction::I32Const(0),
        ValType::I64 => Instruction::I64Const(0),
        ValType::F32 => Instruction::F32Const(0.0.into()),
        ValType::F64 => Instruction::F64Const(0.0.into()),
        ValType::V128 => Instruction::V128Const(0),
        ValType::Ref(reference) => Instruction::RefNull(reference.heap_type),
    }
}

/// The functions that a module without imports exports, with their types.
fn exported_functions(module: &[u8]) -> Vec<(String, Vec<ValType>, Vec<ValType>)> {
    let (mut types, mut functions, mut exported) = (Vec::new(), Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload.expect("it is a module") {
            Payload::TypeSection(reader) => {
                for group in reader {
                    for sub in group.unwrap().into_types() {
                        let CompositeInnerType::Func(ty) = sub.composite_type.inner else {
                            panic!("only functions have types")
                        };
                        let all = |types: &[wasmparser::ValType]| {
                            types.iter().copied().map(val_type).collect::<Vec<_>>()
                        };
                        types.push((all(ty.params()), all(ty.results())));
                    }
                }
            }
            Payload::FunctionSection(reader) => functions.extend(reader.into_iter().flatten()),
            Payload::ExportSection(reader) => {
                for export in reader.into_iter().flatten() {
                    if export.kind == ExternalKind::Func {
                        let (params, results) = &types[functions[export.index as usize] as usize];
                        exported.push((export.name.to_owned(), params.clone(), results.clone()));
                    }
                }
            }
            _ => {}
        }
    }
    exported
}

fn val_type(of: wasmparser::ValType) -> ValType {
    match of {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(reference) => {
            let heap_type = match reference.is_func_ref() {
                true => HeapType::FUNC,
                false => HeapType::EXTERN,
            };
            ValType::Ref(wasm_encoder::RefType {
                nullable: true,
                heap_type,
            })
        }
    }
}
