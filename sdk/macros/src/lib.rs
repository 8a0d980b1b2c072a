//! Attribute macros of mesosgot-sdk: they make a function the export of a guest.
//!
//! They check the shape of the function, so that a mistake is told where it was made, and leave
//! the rest to the types of the SDK. Off WebAssembly the function stays as it is.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn, ReturnType};

/// Makes a function the task of this crate: one per crate.
///
/// The function is `fn name(inbox: Receiver, outbox: Sender, args: Args, env: Env) ->
/// Result<(), Error>`, with the types of `mesosgot_sdk`.
#[proc_macro_attribute]
pub fn task(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand(&TASK, attribute.into(), item.into()).into()
}

/// Makes a function the app scheduler of this crate: one per crate.
///
/// The function is `fn name(inbox: TaskReceiver, outbox: TaskSender, events: Events, args: Args,
/// env: Env) -> Result<(), Error>`, with the types of `mesosgot_sdk`.
#[proc_macro_attribute]
pub fn scheduler(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand(&SCHEDULER, attribute.into(), item.into()).into()
}

/// The contract: the only copy, in the SDK beside this crate.
const WIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");

/// A world of the guest contract.
struct World {
    /// The attribute and the world.
    name: &'static str,
    /// The exported function.
    export: &'static str,
    /// The interfaces of the contract that it uses.
    interfaces: &'static [&'static str],
    /// Names and types.
    parameters: &'static [(&'static str, &'static str)],
}

const TASK: World = World {
    name: "task",
    export: "run_task",
    interfaces: &["types", "task-channels"],
    parameters: &[
        ("inbox", "Receiver"),
        ("outbox", "Sender"),
        ("args", "Args"),
        ("env", "Env"),
    ],
};

const SCHEDULER: World = World {
    name: "scheduler",
    export: "run_scheduler",
    interfaces: &["types", "app-channels", "job-control"],
    parameters: &[
        ("inbox", "TaskReceiver"),
        ("outbox", "TaskSender"),
        ("events", "Events"),
        ("args", "Args"),
        ("env", "Env"),
    ],
};

impl World {
    fn signature(&self) -> String {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, kind)| format!("{name}: {kind}"))
            .collect();
        format!("fn({}) -> Result<(), Error>", parameters.join(", "))
    }
}

fn expand(world: &World, attribute: TokenStream, item: TokenStream) -> TokenStream {
    match checked(world, &attribute, &item) {
        Ok(function) => {
            let checks = type_checks(world, &function);
            let export = export(world, &function);
            quote! { #item #checks #export }
        }
        // The function stays, so that its users do not fail as well.
        Err(error) => {
            let error = error.into_compile_error();
            quote! { #item #error }
        }
    }
}

/// Everything about the shape of the function that can be told without its types.
fn checked(world: &World, attribute: &TokenStream, item: &TokenStream) -> Result<ItemFn, Error> {
    let name = world.name;
    if !attribute.is_empty() {
        return Err(Error::new(
            attribute.span(),
            format!("`#[{name}]` takes no arguments"),
        ));
    }
    let function: ItemFn = syn::parse2(item.clone()).map_err(|error| {
        Error::new(
            error.span(),
            format!("`#[{name}]` stands on a function: {error}"),
        )
    })?;
    let signature = &function.sig;
    let wanted = world.signature();
    let refused = |span, what| {
        Err(Error::new(
            span,
            format!("a {name} function {what}; it looks like `{wanted}`"),
        ))
    };
    if let Some(token) = &signature.asyncness {
        return refused(
            token.span(),
            "is not async: waiting blocks only the task itself",
        );
    }
    if let Some(token) = &signature.unsafety {
        return refused(token.span(), "is not unsafe");
    }
    if let Some(abi) = &signature.abi {
        return refused(abi.span(), "has no ABI of its own");
    }
    if !signature.generics.params.is_empty() {
        return refused(signature.generics.span(), "is not generic");
    }
    if let Some(FnArg::Receiver(receiver)) = signature.inputs.first() {
        return refused(receiver.span(), "is no method");
    }
    if let Some(token) = &signature.variadic {
        return refused(token.span(), "is not variadic");
    }
    if signature.inputs.len() != world.parameters.len() {
        let what = format!(
            "has {} parameters, not {}",
            world.parameters.len(),
            signature.inputs.len()
        );
        return refused(signature.paren_token.span.join(), &what);
    }
    if matches!(signature.output, ReturnType::Default) {
        return refused(signature.ident.span(), "returns its outcome");
    }
    Ok(function)
}

/// Items that fail to compile on the very type that is wrong.
fn type_checks(world: &World, function: &ItemFn) -> TokenStream {
    let parameters = world.parameters.iter().zip(&function.sig.inputs);
    let parameters = parameters.filter_map(|((_, wanted), parameter)| {
        let FnArg::Typed(parameter) = parameter else {
            return None;
        };
        let (found, wanted) = (&parameter.ty, format_ident!("{wanted}"));
        Some(quote_spanned! {found.span()=>
            const _: fn(::mesosgot_sdk::#wanted) -> #found = |it| it;
        })
    });
    let name = &function.sig.ident;
    let outcome = match &function.sig.output {
        ReturnType::Default => return TokenStream::new(),
        ReturnType::Type(_, outcome) => outcome,
    };
    let kinds = world
        .parameters
        .iter()
        .map(|(_, kind)| format_ident!("{kind}"));
    quote! {
        #(#parameters)*
    }
    .into_iter()
    .chain(quote_spanned! {outcome.span()=>
        const _: () = {
            const fn returns_its_outcome<O: ::mesosgot_sdk::__private::Outcome>() {}
            returns_its_outcome::<#outcome>();
        };
    })
    .chain(quote! {
        // It is in use even where nothing calls it.
        const _: fn(#(::mesosgot_sdk::#kinds),*) -> #outcome = #name;
    })
    .collect()
}

/// The export of the component: the world's bindings over the interfaces that the SDK has bound.
fn export(world: &World, function: &ItemFn) -> TokenStream {
    let name = &function.sig.ident;
    let run = format_ident!("{}", world.export);
    let module = format_ident!("mesosgot_{}_export", world.name);
    let wit_world = format!("mesosgot:guest/{}", world.name);
    let names: Vec<_> = world
        .parameters
        .iter()
        .map(|(name, _)| format_ident!("{name}"))
        .collect();
    let types = world.parameters.iter().map(|(_, kind)| match *kind {
        "Args" => quote! { ::std::vec::Vec<::std::string::String> },
        "Env" => quote! { ::std::vec::Vec<(::std::string::String, ::std::string::String)> },
        // The resources are called in the contract as they are in the SDK.
        resource => {
            let resource = format_ident!("{resource}");
            quote! { #resource }
        }
    });
    let interfaces = world
        .interfaces
        .iter()
        .map(|name| format!("mesosgot:guest/{name}@0.1.0"));
    let modules = world
        .interfaces
        .iter()
        .map(|name| format_ident!("{}", name.replace('-', "_")));
    quote! {
        #[cfg(target_family = "wasm")]
        #[allow(warnings, clippy::all, unsafe_code, missing_docs, reason = "generated code")]
        mod #module {
            ::mesosgot_sdk::__private::wit_bindgen::generate!({
                path: #WIT,
                world: #wit_world,
                runtime_path: "mesosgot_sdk::__private::wit_bindgen::rt",
                with: {
                    "wasi:io/poll@0.2.0": mesosgot_sdk::bindings::wasi::io::poll,
                    "wasi:clocks/monotonic-clock@0.2.0":
                        mesosgot_sdk::bindings::wasi::clocks::monotonic_clock,
                    #(#interfaces: mesosgot_sdk::bindings::mesosgot::guest::#modules,)*
                },
            });

            struct MesosgotGuest;

            impl Guest for MesosgotGuest {
                fn #run(
                    #(#names: #types),*
                ) -> ::std::result::Result<(), ::std::string::String> {
                    ::mesosgot_sdk::__private::#run(super::#name, #(#names),*)
                }
            }

            export!(MesosgotGuest);
        }
    }
}

#[cfg(test)]
mod tests;
