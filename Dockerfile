# altmarl_ros as a package of a ROS workspace, by the steps of docs/how-to/install.md and .github/workflows/ros.yml.
#   docker build --tag altmarl_ros .
#   docker run --rm --interactive --tty --network host --ipc host altmarl_ros altmarl demo --out /tmp/demo
ARG DISTRO=jazzy
FROM ros:${DISTRO}-ros-base AS dependencies
ARG DISTRO
SHELL ["/bin/bash", "-c"]
ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /workspace
COPY package.xml src/altmarl_ros/package.xml
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip \
 && rosdep update --rosdistro ${DISTRO} \
 && rosdep install --from-paths src --ignore-src --yes --rosdistro ${DISTRO} \
 && rm -rf /var/lib/apt/lists/*
RUN pip install 'mcap>=1.6' 'eclipse-zenoh>=1.4' 'mujoco>=3.2' 'imageio-ffmpeg>=0.5'

FROM dependencies AS workspace
COPY . src/altmarl_ros
RUN source /opt/ros/${DISTRO}/setup.bash && colcon build --packages-select altmarl_ros
ENTRYPOINT ["/bin/bash", "-c", "source /workspace/install/setup.bash && exec \"$@\"", "--"]
CMD ["altmarl", "--help"]
