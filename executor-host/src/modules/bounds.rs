//! What a component may ask of the compiler, looked at before the compiler is asked.
//!
//! Compiling cannot be broken off, and takes time and memory by what a module contains: mostly by
//! its code, but also by how often its components hold each other, which a few bytes can make
//! billions. What is not wasm at all is left to the compiler, which says so in its own words.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, FunctionBody, Operator, Parser, Payload,
};

/// What there is too much of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooMuch {
    /// Of what.
    pub what: &'static str,
    /// How much or many.
    pub found: u64,
    /// How much or many are compiled.
    pub allowed: u64,
}

/// Code of all functions together. The interpreters of Python and JavaScript have 10 MiB; this
/// takes half a minute of a processor to compile.
const CODE_BYTES_MAX: u64 = 32 << 20;

/// Functions of all modules together; the largest interpreters have some ten thousand.
const FUNCTIONS_MAX: u64 = 200_000;

/// Code of one function. Compiling one takes more than in proportion to its size, and no second
/// thread helps; the main loops of interpreters have a tenth of this.
const FUNCTION_BYTES_MAX: u64 = 1 << 20;

/// Branches times variables of one function. Wherever branches meet, the compiler looks after every
/// variable, which is what compiling takes most of, of time and of memory alike: at worst half a
/// kilobyte each, so 2 GiB. The main loops of interpreters have half of this.
const FUNCTION_MEETINGS_MAX: u64 = 1 << 22;

/// The same of all functions together: minutes of a processor at worst. Real code has some hundred
/// for each function.
const MEETINGS_MAX: u64 = 1 << 26;

/// Parts of all components together, as often as they are instantiated: instances, aliases,
/// functions. A component that is composed of many has some thousand.
const PARTS_MAX: u64 = 200_000;

/// Components within each other.
const DEPTH_MAX: u64 = 32;

/// Looks whether it may be compiled.
pub(super) fn check(bytes: &[u8]) -> Result<(), TooMuch> {
    let mut sums = Sums::default();
    for payload in Parser::new(0).parse_all(bytes) {
        // What cannot be parsed the compiler refuses, and that it is refused is all that matters.
        let Ok(payload) = payload else { return Ok(()) };
        if sums.add(payload)? == Parsed::Malformed {
            return Ok(());
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
enum Parsed {
    Well,
    Malformed,
}

#[derive(Debug, Default)]
struct Sums {
    code_bytes: u64,
    functions: u64,
    /// Branches times variables.
    meetings: u64,
    /// What is open, from the outermost inwards; the core module that is open comes last.
    open: Vec<Scope>,
}

/// A component, or a core module, which has no parts.
#[derive(Debug, Default)]
struct Scope {
    is_component: bool,
    /// The most parameters and results of a type; blocks have types as well as functions.
    arity_max: u64,
    /// Its parts, as often as they are instantiated.
    parts: u64,
    /// The parts of each component that it knows by index; none for one that is an argument.
    components: Vec<Option<u64>>,
}

impl Sums {
    fn add(&mut self, payload: Payload<'_>) -> Result<Parsed, TooMuch> {
        match payload {
            Payload::Version { encoding, .. } => {
                self.open.push(Scope {
                    is_component: encoding == Encoding::Component,
                    ..Scope::default()
                });
                at_most(
                    "components within each other",
                    self.open.len() as u64,
                    DEPTH_MAX,
                )?;
            }
            Payload::End(_) => {
                let closed = self.open.pop();
                if let (Some(closed), Some(around)) = (closed, self.open.last_mut())
                    && closed.is_component
                {
                    around.components.push(Some(closed.parts));
                }
            }
            Payload::CodeSectionStart { count, size, .. } => {
                self.functions += u64::from(count);
                self.code_bytes += u64::from(size);
                at_most("functions", self.functions, FUNCTIONS_MAX)?;
                at_most("bytes of code", self.code_bytes, CODE_BYTES_MAX)?;
            }
            Payload::CodeSectionEntry(body) => {
                let bytes = body.range().len() as u64;
                at_most("bytes of code in one function", bytes, FUNCTION_BYTES_MAX)?;
                let Some((variables, branches)) = self.variables(&body).zip(branches(&body)) else {
                    return Ok(Parsed::Malformed);
                };
                let meetings = branches.saturating_mul(variables);
                at_most(
                    "branches times variables in one function",
                    meetings,
                    FUNCTION_MEETINGS_MAX,
                )?;
                self.meetings += meetings;
                at_most(
                    "branches times variables in all functions",
                    self.meetings,
                    MEETINGS_MAX,
                )?;
            }
            Payload::TypeSection(reader) => {
                let Some(scope) = self.open.last_mut() else {
                    return Ok(Parsed::Malformed);
                };
                for ty in reader.into_iter_err_on_gc_types() {
                    let Ok(ty) = ty else {
                        return Ok(Parsed::Malformed);
                    };
                    let arity = ty.params().len() + ty.results().len();
                    scope.arity_max = scope.arity_max.max(arity as u64);
                }
            }
            payload => return self.add_parts(payload),
        }
        Ok(Parsed::Well)
    }

    /// Of a function: what it declares, and what it may have as parameters or keep on its stack
    /// for a branch.
    fn variables(&self, body: &FunctionBody<'_>) -> Option<u64> {
        let mut variables = self.open.last()?.arity_max;
        for local in body.get_locals_reader().ok()? {
            variables += u64::from(local.ok()?.0);
        }
        Some(variables)
    }

    fn add_parts(&mut self, payload: Payload<'_>) -> Result<Parsed, TooMuch> {
        let Some((scope, around)) = self.open.split_last_mut() else {
            return Ok(Parsed::Malformed);
        };
        let read = match payload {
            Payload::ComponentInstanceSection(reader) => reader
                .into_iter()
                .try_for_each(|it| it.ok().and_then(|instance| scope.instantiate(&instance))),
            Payload::ComponentAliasSection(reader) => reader
                .into_iter()
                .try_for_each(|it| it.ok().and_then(|alias| scope.alias(&alias, around))),
            Payload::ComponentImportSection(reader) => reader.into_iter().try_for_each(|it| {
                if let ComponentTypeRef::Component(_) = it.ok()?.ty {
                    scope.components.push(None);
                }
                scope.part(1)
            }),
            Payload::ComponentExportSection(reader) => reader.into_iter().try_for_each(|it| {
                let export = it.ok()?;
                if export.kind == ComponentExternalKind::Component {
                    let exported = scope.components.get(export.index as usize)?;
                    scope.components.push(*exported);
                }
                scope.part(1)
            }),
            Payload::InstanceSection(reader) => scope.part(reader.count().into()),
            Payload::ComponentCanonicalSection(reader) => scope.part(reader.count().into()),
            Payload::ComponentTypeSection(reader) => scope.part(reader.count().into()),
            _ => Some(()),
        };
        let parts = scope.parts;
        at_most("parts of components", parts, PARTS_MAX)?;
        Ok(match read {
            Some(()) => Parsed::Well,
            None => Parsed::Malformed,
        })
    }
}

/// The ways that a function can go on: one for each instruction after which it may go on elsewhere.
fn branches(body: &FunctionBody<'_>) -> Option<u64> {
    let mut branches = 0;
    for operator in body.get_operators_reader().ok()? {
        branches += match operator.ok()? {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::Br { .. }
            | Operator::BrIf { .. } => 1,
            Operator::BrTable { targets } => u64::from(targets.len()) + 1,
            _ => 0,
        };
    }
    Some(branches)
}

/// Each answers nothing when what it is given is malformed.
impl Scope {
    fn part(&mut self, count: u64) -> Option<()> {
        self.parts = self.parts.saturating_add(count);
        Some(())
    }

    fn instantiate(&mut self, instance: &ComponentInstance<'_>) -> Option<()> {
        let ComponentInstance::Instantiate {
            component_index, ..
        } = instance
        else {
            return self.part(1);
        };
        let parts = *self.components.get(*component_index as usize)?;
        // How much an argument asks for is not known before it is given: no tool makes that.
        self.part(parts.unwrap_or(u64::MAX).saturating_add(1))
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>, around: &[Self]) -> Option<()> {
        match alias {
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Component,
                ..
            } => self.components.push(None),
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Component,
                count,
                index,
            } => {
                let components = match (*count as usize).checked_sub(1) {
                    None => &self.components,
                    Some(up) => &around.iter().rev().nth(up)?.components,
                };
                let outer = *components.get(*index as usize)?;
                self.components.push(outer);
            }
            _ => {}
        }
        self.part(1)
    }
}

fn at_most(what: &'static str, found: u64, allowed: u64) -> Result<(), TooMuch> {
    match found <= allowed {
        true => Ok(()),
        false => Err(TooMuch {
            what,
            found,
            allowed,
        }),
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, Component, Function, FunctionSection, Instruction, Module, ModuleSection,
        TypeSection, ValType,
    };

    use super::*;

    /// A module of so many functions, each with so many instructions, variables and parameters.
    fn module(
        functions: u32,
        (instruction, count): (&Instruction<'_>, usize),
        variables: u32,
        params: usize,
    ) -> Module {
        let (mut types, mut declared) = (TypeSection::new(), FunctionSection::new());
        let mut code = CodeSection::new();
        types.ty().function(vec![ValType::I32; params], []);
        for _ in 0..functions {
            declared.function(0);
            let mut function = Function::new([(variables, ValType::I64)]);
            for _ in 0..count {
                function.instruction(instruction);
            }
            code.function(function.instruction(&Instruction::End));
        }
        let mut module = Module::new();
        module.section(&types).section(&declared).section(&code);
        module
    }

    #[track_caller]
    fn check_one(module: &Module, what: Option<&str>) {
        let mut component = Component::new();
        component.section(&ModuleSection(module));
        let found = check(&component.finish()).err();
        assert_eq!(found.as_ref().map(|found| found.what), what, "{found:?}");
        if let Some(found) = found {
            assert!(found.found > found.allowed, "{found:?}");
        }
    }

    #[test]
    fn what_programs_have_may_be_compiled_and_more_may_not() {
        let nops = |count| (&Instruction::Nop, count);
        check_one(&module(100, nops(1000), 20, 10), None);
        check_one(&module(1, nops(1_000_000), 2000, 10), None);
        let one = Some("bytes of code in one function");
        check_one(&module(1, nops(1_050_000), 0, 0), one);
        check_one(&module(33, nops(1_040_000), 0, 0), Some("bytes of code"));
        check_one(&module(200_001, nops(1), 0, 0), Some("functions"));

        let branches = |count| (&Instruction::Br(0), count);
        check_one(&module(1, branches(4000), 1000, 0), None);
        let one = Some("branches times variables in one function");
        check_one(&module(1, branches(5000), 1000, 0), one);
        check_one(&module(1, branches(5000), 0, 1000), one);
        let table = Instruction::BrTable(vec![0; 100].into(), 0);
        check_one(&module(1, (&table, 50), 1000, 0), one);
        let all = Some("branches times variables in all functions");
        check_one(&module(20, branches(4000), 1000, 0), all);
    }

    #[test]
    fn what_is_no_component_is_left_to_the_compiler() {
        for bytes in [&b""[..], b"\0asm", b"\0asm\x0d\0\x01\0\x07\xff\xff\xff"] {
            assert_eq!(check(bytes), Ok(()));
        }
    }
}
