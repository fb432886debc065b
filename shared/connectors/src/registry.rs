//! The registry: which CRMs there are.

/// Declares the module of each CRM and the two ways to reach its connector. A CRM's name stands
/// here, in its own files, and nowhere else.
macro_rules! crms {
    ($($crm:ident)+) => {
        $(mod $crm;)+

        /// The CRMs there are.
        pub const CRMS: &[&str] = &[$(stringify!($crm)),+];

        /// The connector of a CRM, its manifest parsed: `None` for one that does not exist.
        ///
        /// # Errors
        /// The manifest is compiled in; a fault of it is found by the tests before anybody else.
        pub fn connector(crm: &str) -> Option<Result<std::sync::Arc<dyn Connector>, ManifestError>> {
            match crm {
                $(stringify!($crm) => Some(
                    Manifest::parse(stringify!($crm), include_str!(concat!("../manifests/", stringify!($crm), ".toml")))
                        .map(|manifest| std::sync::Arc::new($crm::connector(manifest)) as std::sync::Arc<dyn Connector>),
                ),)+
                _ => None,
            }
        }
    };
}

pub(crate) use crms;
