need meson meson
need ninja ninja-build
passes 'meson setup' meson setup build
passes 'meson test' meson test -C build
passes 'meson test under mapsan' meson test -C build --setup mapsan
passes 'meson configure' meson configure build -Dfails=true
passes 'the test that fails under mapsan, without it' meson test -C build
names_the_mistake 'meson test' meson test -C build --setup mapsan --print-errorlogs
