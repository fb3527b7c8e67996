//! AWS Identity and Access Management and Security Token Service.
