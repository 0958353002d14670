"""The same work on many captures: engines that run a function over tasks. `local` uses the cores of this machine,
`cluster` those of many, by Dask."""
