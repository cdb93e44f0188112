//! Every port in process: the executable specification of the stores
