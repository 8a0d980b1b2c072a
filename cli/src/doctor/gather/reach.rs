//! Where agents and executors are to reach us.

use std::net::{SocketAddr, TcpListener};

use framework::{Delivery, DirectMode, ModuleServing};
use job::{Advertise, ExecutorBinary, Job};

use super::{Patient, blocking, cluster, told};
use crate::doctor::facts::{PlaceFact, Told};
use crate::gang;

/// The places that a run of the job would listen at.
pub(super) async fn places(patient: Patient<'_>) -> Result<Vec<PlaceFact>, Told> {
    let (job, folder) = (patient.read.job.clone(), patient.read.folder().to_owned());
    let masters = patient.masters.clone();
    let is_embedded = patient.is_embedded;
    let found = blocking(move || gang::serving(&masters, is_embedded, &job, &folder)).await;
    let serving = match found {
        Ok(found) => found.map_err(told)?,
        Err(text) => return Err(Told { text, help: None }),
    };
    let mut places = Vec::new();
    if is_served(&patient.read.job, &serving.modules, is_embedded) {
        let ModuleServing {
            bind, advertise, ..
        } = serving.modules;
        places.push(place("executor and modules", "serve", bind, advertise).await);
    }
    if serving.direct.mode != DirectMode::Off {
        let (bind, advertise) = (serving.direct.bind, serving.direct.advertise);
        places.push(place("messages", "channels", bind, advertise).await);
    }
    Ok(places)
}

/// Whether agents or executors fetch anything from us.
fn is_served(job: &Job, modules: &ModuleServing, is_embedded: bool) -> bool {
    let serves_executor = matches!(
        job.executor.binary,
        ExecutorBinary::Serve | ExecutorBinary::ServeFile(_)
    );
    let serves_modules = match modules.delivery {
        Delivery::Auto | Delivery::Server => true,
        Delivery::Link | Delivery::Url => false,
    };
    serves_modules || (serves_executor && !is_embedded)
}

async fn place(
    what: &'static str,
    key: &'static str,
    bind: SocketAddr,
    advertise: Option<String>,
) -> PlaceFact {
    let bound = TcpListener::bind(bind);
    let advertised = advertise.unwrap_or_else(|| bind.ip().to_string());
    let found = match advertised.parse::<Advertise>() {
        Ok(Advertise { host, .. }) => cluster::look_up(&format!("{host}:0")).await,
        Err(error) => Err(error.to_string()),
    };
    PlaceFact {
        what,
        key,
        bind,
        bound: bound.map(drop).map_err(|error| error.to_string()),
        advertised,
        found,
    }
}
