# gdb -batch -x /usr/local/share/mapsan/mapsan.py -x first-finding.gdb ./twice
# Stops at the first finding, in the frame of the call that it is about; mapsan.py is in share/mapsan of the installation.
mapsan preload
mapsan stop
run
info locals
mapsan address page
continue
