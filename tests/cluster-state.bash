# Sourced by cluster-up and cluster-down: where a test cluster keeps its state, and whether its parts run.
# One folder per cluster holds its kubeconfig, ports, keys and data, and a .pid and a .log of each process.

clusters=${DRIFTLESS_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/driftless}/clusters

# Sets $state from a cluster's name, and keeps anyone else from changing that cluster while we do.
open_cluster() {
    [[ $1 =~ ^[a-z0-9][a-z0-9-]*$ ]] || { echo "cluster name '$1': use a-z, 0-9 and '-'" >&2; exit 2; }
    state=$clusters/$1
    mkdir -p "$clusters"
    exec {cluster_lock}>"$clusters/.$1.lock"
    flock "$cluster_lock"
}

# Every process of a cluster names its state folder on its command line. That tells it from a stranger who got
# its process id, and from a zombie, whose command line is empty.
is_running() {
    [[ -f $state/$1.pid ]] && grep -qsF "$state/" "/proc/$(<"$state/$1.pid")/cmdline"
}
