//! What a call must have before it is looked at, whoever makes it (PROTOCOL §3).

use mesos::v1;
use mesos::v1::scheduler::{Call, call};

use super::{CallHeaders, Rejection};
use crate::core::wire::is_uuid;

/// Checks a call by itself and says of what type it is.
pub(super) fn validate(call: &Call, headers: &CallHeaders) -> Result<call::Type, Rejection> {
    let call_type = validate_body(call, headers).map_err(|detail| {
        Rejection::new(400, format!("Failed to validate scheduler::Call: {detail}"))
    })?;
    let has_answer = matches!(
        call_type,
        call::Type::Subscribe | call::Type::ReconcileOperations
    );
    if has_answer && headers.accepts_nothing {
        return Err(Rejection::new(
            406,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        ));
    }
    if call_type == call::Type::Subscribe && headers.stream_id.is_some() {
        return Err(Rejection::new(
            400,
            "Subscribe calls should not include the 'Mesos-Stream-Id' header",
        ));
    }
    Ok(call_type)
}

fn validate_body(call: &Call, headers: &CallHeaders) -> Result<call::Type, String> {
    use call::Type;
    let call_type = call
        .r#type
        .and_then(|number| Type::try_from(number).ok())
        .ok_or_else(|| missing("type"))?;
    if call_type == Type::Subscribe {
        let subscribe = call
            .subscribe
            .as_ref()
            .ok_or_else(|| missing("subscribe"))?;
        if !is_same_id(
            call.framework_id.as_ref(),
            subscribe.framework_info.id.as_ref(),
        ) {
            return Err("'framework_id' differs from 'subscribe.framework_info.id'".to_owned());
        }
        check_principal(headers, &subscribe.framework_info)?;
        return Ok(call_type);
    }
    let framework_id = call
        .framework_id
        .as_ref()
        .ok_or_else(|| missing("framework_id"))?;
    let (field, is_there) = match call_type {
        Type::Accept => ("accept", call.accept.is_some()),
        Type::Decline => ("decline", call.decline.is_some()),
        Type::AcceptInverseOffers => (
            "accept_inverse_offers",
            call.accept_inverse_offers.is_some(),
        ),
        Type::DeclineInverseOffers => (
            "decline_inverse_offers",
            call.decline_inverse_offers.is_some(),
        ),
        Type::Kill => ("kill", call.kill.is_some()),
        Type::Shutdown => ("shutdown", call.shutdown.is_some()),
        Type::Acknowledge => ("acknowledge", call.acknowledge.is_some()),
        Type::AcknowledgeOperationStatus => (
            "acknowledge_operation_status",
            call.acknowledge_operation_status.is_some(),
        ),
        Type::Reconcile => ("reconcile", call.reconcile.is_some()),
        Type::ReconcileOperations => ("reconcile_operations", call.reconcile_operations.is_some()),
        Type::Message => ("message", call.message.is_some()),
        Type::Request => ("request", call.request.is_some()),
        Type::UpdateFramework => ("update_framework", call.update_framework.is_some()),
        Type::Unknown | Type::Subscribe | Type::Teardown | Type::Revive | Type::Suppress => {
            ("", true)
        }
    };
    if !is_there {
        return Err(missing(field));
    }
    validate_details(call, framework_id)?;
    Ok(call_type)
}

/// What is checked inside of a body.
fn validate_details(call: &Call, framework_id: &v1::FrameworkId) -> Result<(), String> {
    use call::Type;
    match (Type::try_from(call.r#type.unwrap_or_default()), call) {
        (
            Ok(Type::Acknowledge),
            Call {
                acknowledge: Some(acknowledge),
                ..
            },
        ) => validate_uuid(&acknowledge.uuid),
        (
            Ok(Type::AcknowledgeOperationStatus),
            Call {
                acknowledge_operation_status: Some(acknowledge),
                ..
            },
        ) => {
            validate_uuid(&acknowledge.uuid)?;
            acknowledge
                .agent_id
                .as_ref()
                .map(drop)
                .ok_or_else(|| missing("agent_id"))
        }
        (
            Ok(Type::UpdateFramework),
            Call {
                update_framework: Some(update),
                ..
            },
        ) => {
            if is_same_id(Some(framework_id), update.framework_info.id.as_ref()) {
                Ok(())
            } else {
                let text = "'framework_id' differs from 'update_framework.framework_info.id'";
                Err(text.to_owned())
            }
        }
        _ => Ok(()),
    }
}

fn validate_uuid(uuid: &[u8]) -> Result<(), String> {
    is_uuid(uuid)
        .then_some(())
        .ok_or_else(|| "Not a valid UUID".to_owned())
}

/// Whether a framework is its caller's, as far as either says who it is (PROTOCOL §3).
pub(super) fn check_principal(
    headers: &CallHeaders,
    info: &v1::FrameworkInfo,
) -> Result<(), String> {
    match (&headers.principal, &info.principal) {
        (Some(caller), Some(own)) if caller != own => Err(format!(
            "Authenticated principal '{caller}' does not match principal '{own}' set in \
             `FrameworkInfo`"
        )),
        _ => Ok(()),
    }
}

/// Without an id is the same as with an empty one.
fn is_same_id(one: Option<&v1::FrameworkId>, other: Option<&v1::FrameworkId>) -> bool {
    let value = |id: Option<&v1::FrameworkId>| id.map(|id| id.value.clone()).unwrap_or_default();
    value(one) == value(other)
}

fn missing(field: &str) -> String {
    format!("Expecting '{field}' to be present")
}
