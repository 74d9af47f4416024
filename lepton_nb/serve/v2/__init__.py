"""The Open Inference Protocol (v2) as the front speaks it, over HTTP and over gRPC."""
