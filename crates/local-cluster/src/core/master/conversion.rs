//! What an operation takes out of offers and what it makes of that, and the words for what is wrong
//! with it.
//!
//! It is for the resources of agents themselves: there are no resource providers, so disks cannot
//! be made of other disks.

use std::collections::BTreeSet;

use mesos::resources::{InvalidResource, Reservation, Resource, Resources, Scalar};
use mesos::v1;
use mesos::v1::offer::Operation;
use mesos::v1::offer::operation::{GrowVolume, ShrinkVolume, Type};
use mesos::v1::resource::disk_info::source;

/// An exchange of resources, all of one agent and allocated.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conversion {
    pub(super) consumed: Resources,
    pub(super) converted: Resources,
    /// Whether what comes of it can be used by the operations after it in the same call. Volumes
    /// that change their size cannot.
    pub(super) at_once: bool,
}

/// Who wants an operation, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) roles: &'a BTreeSet<String>,
    pub(super) principal: Option<&'a str>,
    /// All that the agent has.
    pub(super) total: &'a Resources,
    /// What is left of the offers.
    pub(super) available: &'a Resources,
}

/// Why an operation is not applied.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Invalid {
    /// It has resources that are none.
    Resources(InvalidResource),
    /// It cannot be applied to this agent or these offers.
    Operation(String),
}

impl From<String> for Invalid {
    fn from(text: String) -> Self {
        Self::Operation(text)
    }
}

impl From<InvalidResource> for Invalid {
    fn from(invalid: InvalidResource) -> Self {
        Self::Resources(invalid)
    }
}

/// Volumes and differently reserved resources that an agent may have; a real one has some tens. Each
/// takes memory, and is looked at for each offer.
const KINDS_MAX: usize = 1000;

/// What comes of an operation that is neither LAUNCH nor LAUNCH_GROUP, for offers of this role.
///
/// # Errors
/// What is wrong with it.
pub(super) fn conversion(
    operation: &Operation,
    role: &str,
    context: Context<'_>,
) -> Result<Conversion, Invalid> {
    let read = |wire: &[v1::Resource]| -> Result<Vec<Resource>, Invalid> {
        let resources = wire.iter().map(|resource| resource_for(resource, role));
        Ok(resources.collect::<Result<_, _>>()?)
    };
    let body = |name| format!("Expecting '{name}' to be present");
    let conversion = match operation.r#type() {
        Type::Reserve => {
            let reserve = operation.reserve.as_ref();
            let reserve = reserve.ok_or_else(|| body("reserve"))?;
            let resources = read(&reserve.resources)?;
            let source = read(&reserve.source)?;
            reserve_resources(&resources, source, context)?
        }
        Type::Unreserve => {
            let unreserve = operation.unreserve.as_ref();
            let unreserve = unreserve.ok_or_else(|| body("unreserve"))?;
            unreserve_resources(&read(&unreserve.resources)?)?
        }
        Type::Create => {
            let create = operation.create.as_ref();
            let create = create.ok_or_else(|| body("create"))?;
            create_volumes(&read(&create.volumes)?, context)?
        }
        Type::Destroy => {
            let destroy = operation.destroy.as_ref();
            let destroy = destroy.ok_or_else(|| body("destroy"))?;
            destroy_volumes(&read(&destroy.volumes)?)?
        }
        Type::GrowVolume => {
            let grow = operation.grow_volume.as_ref();
            let GrowVolume { volume, addition } = grow.ok_or_else(|| body("grow_volume"))?;
            grow_volume(&resource_for(volume, role)?, resource_for(addition, role)?)?
        }
        Type::ShrinkVolume => {
            let shrink = operation.shrink_volume.as_ref();
            let ShrinkVolume { volume, subtract } = shrink.ok_or_else(|| body("shrink_volume"))?;
            shrink_volume(&resource_for(volume, role)?, subtract.value)?
        }
        Type::CreateDisk | Type::DestroyDisk => {
            return Err("'source' is not managed by a resource provider"
                .to_owned()
                .into());
        }
        Type::Launch | Type::LaunchGroup | Type::Unknown => {
            return Err("It converts no resources".to_owned().into());
        }
    };
    let (kinds, more) = (context.total.iter().len(), &conversion.converted);
    if kinds + more.iter().len() > KINDS_MAX {
        return Err("The agent has too many different resources"
            .to_owned()
            .into());
    }
    if context.available.contains(&conversion.consumed) {
        return Ok(conversion);
    }
    let name = operation.r#type().as_str_name();
    Err(format!(
        "Invalid {name} Operation: {} does not contain {}",
        context.available, conversion.consumed
    )
    .into())
}

/// A resource in the newer format, allocated to a role unless it says to which.
fn resource_for(wire: &v1::Resource, role: &str) -> Result<Resource, InvalidResource> {
    let mut wire = wire.clone();
    let allocation = wire.allocation_info.get_or_insert_with(Default::default);
    allocation.role.get_or_insert_with(|| role.to_owned());
    Resource::from_wire(&wire)
}

fn exchange(consumed: Resources, converted: Resources) -> Conversion {
    Conversion {
        consumed,
        converted,
        at_once: true,
    }
}

/// Puts one layer of reservation on resources; with a `source`, as many layers as it takes to come
/// from there.
fn reserve_resources(
    resources: &[Resource],
    source: Vec<Resource>,
    context: Context<'_>,
) -> Result<Conversion, String> {
    for resource in resources {
        let Some(reservation) = resource.dynamic_reservation() else {
            return Err(format!("Resource {resource} is not dynamically reserved"));
        };
        if resource.persistence().is_some() {
            return Err(format!("A persistent volume {resource} cannot be reserved"));
        }
        if !context.roles.contains(&reservation.role) {
            let role = &reservation.role;
            return Err(format!(
                "A reserve operation was attempted for a resource with role '{role}', which the \
                 framework has not"
            ));
        }
        check_principal(reservation, context.principal)?;
    }
    let consumed: Resources = if source.is_empty() {
        let unreserved = resources.iter().map(Resource::without_last_reservation);
        unreserved.collect()
    } else {
        source.into_iter().collect()
    };
    let converted = resources.iter().cloned().collect();
    if bare(&consumed) != bare(&converted) {
        return Err(format!(
            "The source {consumed} is not what the resources {converted} are without reservations"
        ));
    }
    Ok(exchange(consumed, converted))
}

/// Resources without any reservation.
fn bare(resources: &Resources) -> Resources {
    let mut bare: Vec<_> = resources.iter().cloned().collect();
    for resource in &mut bare {
        while !resource.reservations().is_empty() {
            *resource = resource.without_last_reservation();
        }
    }
    bare.into_iter().collect()
}

/// A reservation is made in the name of whoever makes it.
fn check_principal(reservation: &Reservation, principal: Option<&str>) -> Result<(), String> {
    let Some(principal) = principal else {
        return Ok(());
    };
    let found = match reservation.principal.as_deref() {
        Some(own) if own == principal => return Ok(()),
        Some(own) => format!("with principal '{own}' set"),
        None => "with no principal set".to_owned(),
    };
    Err(format!(
        "A reserve operation was attempted by principal '{principal}', but there is a reserved \
         resource in the request {found}"
    ))
}

/// Takes the last layer of reservation off.
fn unreserve_resources(resources: &[Resource]) -> Result<Conversion, String> {
    for resource in resources {
        if resource.dynamic_reservation().is_none() {
            return Err(format!("Resource {resource} is not dynamically reserved"));
        }
        if resource.persistence().is_some() {
            return Err(format!(
                "A dynamically reserved persistent volume {resource} cannot be unreserved \
                 directly. Please destroy the persistent volume first then unreserve the resource"
            ));
        }
    }
    let unreserved = resources.iter().map(Resource::without_last_reservation);
    let consumed = resources.iter().cloned().collect();
    Ok(exchange(consumed, unreserved.collect()))
}

/// Makes persistent volumes of reserved disk.
fn create_volumes(volumes: &[Resource], context: Context<'_>) -> Result<Conversion, String> {
    let id = |volume: &Resource| {
        let persistence = volume.persistence()?;
        let role = volume.reservations().last()?.role.clone();
        Some((role, persistence.id.clone()))
    };
    let mut ids: BTreeSet<_> = context.total.volumes().filter_map(id).collect();
    for volume in volumes {
        check_volume(volume)?;
        if volume.is_shared() {
            return Err(format!(
                "The embedded cluster does not support the shared volume {volume}"
            ));
        }
        if volume.reservations().is_empty() {
            return Err(format!(
                "Persistent volumes cannot be created from unreserved resources: {volume}"
            ));
        }
        if let Some((role, id)) = id(volume)
            && !ids.insert((role, id.clone()))
        {
            return Err(format!("Persistence ID '{id}' is already in use"));
        }
    }
    let disks = volumes.iter().map(Resource::without_volume).collect();
    Ok(exchange(disks, volumes.iter().cloned().collect()))
}

/// What every persistent volume has.
fn check_volume(volume: &Resource) -> Result<(), String> {
    let Some(disk) = volume.disk() else {
        return Err(format!("Resource {volume} does not have DiskInfo"));
    };
    let Some(persistence) = &disk.persistence else {
        return Err(format!("Resource {volume} is not a persistent volume"));
    };
    mesos::ids::check(&persistence.id).map_err(|invalid| invalid.to_string())?;
    match &disk.volume {
        None => Err("Expecting 'volume' to be set for persistent volume".to_owned()),
        Some(mount) if mount.host_path.is_some() => {
            Err("Expecting 'host_path' to be unset for persistent volume".to_owned())
        }
        Some(_) => Ok(()),
    }
}

/// Makes plain disk of persistent volumes.
fn destroy_volumes(volumes: &[Resource]) -> Result<Conversion, String> {
    for volume in volumes {
        check_volume(volume)?;
    }
    let disks = volumes.iter().map(Resource::without_volume).collect();
    Ok(exchange(volumes.iter().cloned().collect(), disks))
}

fn grow_volume(volume: &Resource, addition: Resource) -> Result<Conversion, String> {
    check_volume(volume)?;
    let (Some(amount), Some(more)) = (volume.amount(), addition.amount()) else {
        return Err("Growing a volume takes two scalars".to_owned());
    };
    if more <= Scalar::ZERO {
        return Err("The size of the addition must be greater than zero".to_owned());
    }
    if volume.without_volume().with_amount(more) != addition {
        return Err(format!(
            "Volume {volume} cannot be grown by {addition}, which is another kind of resource"
        ));
    }
    let grown = volume.with_amount(amount + more);
    Ok(Conversion {
        consumed: [volume.clone(), addition].into_iter().collect(),
        converted: grown.into(),
        at_once: false,
    })
}

fn shrink_volume(volume: &Resource, subtract: f64) -> Result<Conversion, String> {
    check_volume(volume)?;
    let source = volume.disk().and_then(|disk| disk.source.as_ref());
    if source.is_some_and(|source| source.r#type() == source::Type::Mount) {
        return Err("Shrinking a volume on a MOUNT disk is not supported".to_owned());
    }
    let less = Scalar::from_f64(subtract).ok();
    let less = less.filter(|less| *less > Scalar::ZERO);
    let less = less.ok_or("Value of 'subtract' must be greater than zero")?;
    let left = volume.amount().and_then(|amount| amount.checked_sub(less));
    let left = left.filter(|left| *left > Scalar::ZERO);
    let left = left.ok_or("Value of 'subtract' must be smaller than volume's size")?;
    let freed = volume.without_volume().with_amount(less);
    Ok(Conversion {
        consumed: volume.clone().into(),
        converted: [volume.with_amount(left), freed].into_iter().collect(),
        at_once: false,
    })
}
