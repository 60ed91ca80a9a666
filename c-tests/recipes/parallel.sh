need parallel parallel
. "$sources/c-tests/recipes/parts.sh"
passes 'the sweep by GNU parallel' ./sweep.sh ./fails
same_as_whole parts/*.json
