//! Random modules: whatever they contain, they end, and the host goes on.
//!
//! Each is a core module by `wasm-smith` within a component that is a task: it is compiled,
//! instantiated with its data, elements and start function, and its exported functions are called,
//! with the limits that every task has. `MESOSGOT_SEED=n` tries one again, `MESOSGOT_SEEDS=n`
//! tries more. Should the whole process die, the seeds that it had in hand are in the files
//! `smith-*` of the folder for temporary files of the target.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
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
    let work = |worker: usize| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let in_hand = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("smith-{worker}"));
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return;
            }
            fs::write(&in_hand, seed.to_string()).unwrap();
            let tried = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(async {
                    let tried = tokio::time::timeout(PATIENCE, try_one(&template, seed));
                    tried.await.expect("it does not hang")
                })
            }));
            let outcome = tried.unwrap_or_else(|panic| {
                eprintln!("MESOSGOT_SEED={seed}");
                resume_unwind(panic)
            });
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
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for worker in 0..workers {
            let work = &work;
            scope.spawn(move || work(worker));
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
            idle_max: None,
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
            r#"(core module)
            (core instance $random (instantiate 0))
            (core module)
            (core instance $main (instantiate 1 (with "random" (instance $random))))"#,
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

/// A module whose function `run-task` calls all functions that `random` exports, with zeros.
fn caller(random: &[u8]) -> Vec<u8> {
    let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
    let mut run = Function::new([]);
    let mut count = 0;
    for (name, params, results) in exported_functions(random) {
        types.ty().function(params.clone(), results.clone());
        imports.import("random", &name, wasm_encoder::EntityType::Function(count));
        for param in params {
            run.instruction(&zero(param));
        }
        run.instruction(&Instruction::Call(count));
        for _ in results {
            run.instruction(&Instruction::Drop);
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
