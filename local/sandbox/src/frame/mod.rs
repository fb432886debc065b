//! What every fake CRM shares: the door, the log, the faults, the control endpoints. It knows no
//! CRM by name.

mod control;
mod crm;
mod faults;
mod sandbox;
mod serve;
pub(crate) mod settings;

pub(crate) use crm::{Crm, Setup};
pub use faults::FaultError;
pub(crate) use faults::{Fault, FaultKind, Param, ParamKind, SEARCH_LAG};
pub use sandbox::{Clock, Dropped, LoggedRequest, Sandbox};

/// One line per CRM: its name, its default port and the type that answers for it.
macro_rules! registry {
    ($($name:ident: $port:literal => $crm:ty),+ $(,)?) => {
        pub(crate) const REGISTRY: &[(&str, u16, fn(&frame::Setup) -> Box<dyn frame::Crm>)] =
            &[$((stringify!($name), $port, |setup| Box::new(<$crm>::new(setup)))),+];
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}
pub(crate) use registry;
