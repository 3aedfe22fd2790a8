# ROS 2 from the Python package index. Its exported CMake targets name the include directories of the
# machine that built the wheels, and our own exported target would name those of this environment,
# which CMake refuses for an environment inside the source tree. Injected with
# CMAKE_PROJECT_INCLUDE, this mends both once all targets are known. A ROS installation
# needs none of it.
function(_mend_python_includes)
  find_package(Python3 REQUIRED COMPONENTS Interpreter Development.Module NumPy)
  set(here ${Python3_INCLUDE_DIRS} ${Python3_NumPy_INCLUDE_DIRS})
  get_directory_property(imported IMPORTED_TARGETS)
  foreach(target IN LISTS imported)
    get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(includes MATCHES "/opt/python/")
      list(FILTER includes EXCLUDE REGEX "^/opt/python/")
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${includes};${here}")
    endif()
  endforeach()
  get_directory_property(built BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS built)
    get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(includes)
      list(REMOVE_ITEM includes ${here})
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${includes}")
    endif()
  endforeach()
endfunction()
cmake_language(DEFER CALL _mend_python_includes)
