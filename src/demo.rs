//! `pgdj demo`: a private server with a Django shop, a load and some trouble.
