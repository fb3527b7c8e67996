//! Puts the cloud together: configuration, the list of services, start and stop.
