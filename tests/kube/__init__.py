"""Applies the Kubernetes manifests to a real API server, with pods and KEDA but without nodes: `make kube`."""
